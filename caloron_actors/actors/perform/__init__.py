"""How each effect is done in the world: look by its natural key where it may have been done, do it, tell the outcome."""

from caloron_actors.actors.perform.performer import Performer

__all__ = ["Performer"]
