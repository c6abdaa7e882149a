"""The ways an ask fails that its asker can outlive: the other side is restarting, slow or overloaded."""

from caloron_actors.runtime import ActorGone, AskTimeout, MailboxFull

ASK_FAILURES = (ActorGone, AskTimeout, MailboxFull)
