#!/usr/bin/env escript
%% Plays histories on OTP's own supervisor: one term a line in, the record of it in lines out, then "done".
%% The supervisor reads a clock that the history moves; nothing else of it is changed.
%%! +S 1:1
-module(otp).
-mode(compile).
-export([main/1, init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2, log/2, now_ticks/0]).
-export([start_leaf/1, start_nursling/2, start_supervisor/1]).

main(_) ->
    own_clock(),
    process_flag(trap_exit, true),
    logger:remove_handler(default),
    logger:set_primary_config(level, info),
    [ets:new(Table, [named_table, public]) || Table <- [pids, paths, starts, clock]],
    ets:new(trace, [named_table, public, ordered_set]),
    logger:add_handler(reports, ?MODULE, #{}),
    io:setopts([{encoding, latin1}]),
    serve().

serve() ->
    case io:get_line("") of
        eof -> ok;
        Line ->
            {ok, Tokens, _} = erl_scan:string(Line),
            {ok, {Root, Steps}} = erl_parse:parse_term(Tokens),
            [ets:delete_all_objects(Table) || Table <- [pids, paths, starts, clock, trace]],
            ets:insert(clock, [{now, 0}, {line, 0}]),
            play(Root, Steps),
            [io:put_chars([Text, $\n]) || {_, Text} <- ets:tab2list(trace)],
            io:put_chars("done\n"),
            serve()
    end.

%% OTP's supervisor from its own debug information, with one call replaced.
own_clock() ->
    {ok, {_, [{abstract_code, {_, Forms}}]}} = beam_lib:chunks(code:which(supervisor), [abstract_code]),
    {Changed, 1} = replace(Forms, 0),
    {ok, supervisor, Code} = compile:forms(Changed, [binary]),
    code:unstick_mod(supervisor),
    {module, supervisor} = code:load_binary(supervisor, "supervisor.beam", Code).

replace({call, At, {remote, _, {atom, _, erlang}, {atom, _, monotonic_time}}, [{integer, _, 1}]}, N) ->
    {{call, At, {remote, At, {atom, At, ?MODULE}, {atom, At, now_ticks}}, []}, N + 1};
replace(Tuple, N) when is_tuple(Tuple) ->
    {List, M} = replace(tuple_to_list(Tuple), N),
    {list_to_tuple(List), M};
replace([Head | Tail], N) ->
    {NewHead, M} = replace(Head, N),
    {NewTail, L} = replace(Tail, M),
    {[NewHead | NewTail], L};
replace(Other, N) -> {Other, N}.

now_ticks() -> ets:lookup_element(clock, now, 2).

note(Format, Values) ->
    Number = ets:update_counter(clock, line, 1),
    ets:insert(trace, {Number, io_lib:format(Format, Values)}).

%% One history.
play({branch, Path, _, _, _, _, _, _, _, _} = Root, Steps) ->
    case start_supervisor(Root) of
        {ok, Pid} ->
            settle(),
            note("picture ~s", [picture(Pid, Path)]),
            steps(Steps, Pid, Path);
        {error, _} ->
            receive {'EXIT', _, _} -> ok end,
            note("picture ", []),
            note("exit start_failed", [])
    end.

steps([], Pid, _) ->
    exit(Pid, shutdown),
    receive {'EXIT', Pid, Reason} -> note("exit ~s", [label(Reason)]) end;
steps([Step | Steps], Pid, Path) ->
    step(Step),
    settle(),
    receive
        {'EXIT', Pid, Reason} ->
            note("picture ", []),
            note("exit ~s", [label(Reason)])
    after 0 ->
        note("picture ~s", [picture(Pid, Path)]),
        steps(Steps, Pid, Path)
    end.

step({passes, Ticks}) -> ets:update_counter(clock, now, Ticks);
step({ends, Owner, Ends}) ->
    case alive(Owner) of
        undefined -> ok;
        Pid ->
            sys:suspend(Pid),
            [end_one(alive(Path), How) || {Path, How} <- Ends],
            sys:resume(Pid)
    end;
step({start_key, Path, Key, Leaf}) ->
    case {alive(Path), alive(Key)} of
        {undefined, _} -> note("answer StartKey gone", []);
        {Pid, undefined} ->
            ets:delete(starts, Key),
            note("answer StartKey ~s", [answer(supervisor:start_child(Pid, [Leaf]))]);
        _ -> note("answer StartKey already_started", [])
    end;
step({stop_key, Path, Key}) ->
    case {alive(Path), alive(Key)} of
        {undefined, _} -> note("answer StopKey gone", []);
        {_, undefined} -> note("answer StopKey ok", []);
        {Pid, Child} -> note("answer StopKey ~s", [answer(supervisor:terminate_child(Pid, Child))])
    end;
step({grow, Path, Leaf}) ->
    case alive(Path) of
        undefined -> note("answer Grow gone", []);
        Pid ->
            Id = element(3, Leaf),
            supervisor:get_childspec(Pid, Id) =:= {error, not_found} andalso ets:delete(starts, element(2, Leaf)),
            note("answer Grow ~s", [answer(supervisor:start_child(Pid, spec(Leaf)))])
    end;
step({call, Path, Name, Id}) ->
    case alive(Path) of
        undefined -> note("answer Call gone", []);
        Pid -> note("answer Call ~s", [answer(supervisor:Name(Pid, Id))])
    end.

end_one(undefined, _) -> ok;
end_one(Pid, How) ->
    Monitor = monitor(process, Pid),
    Pid ! {'end', How},
    receive {'DOWN', Monitor, process, Pid, _} -> ok end.

alive(Path) ->
    case ets:lookup(pids, Path) of
        [{_, Pid}] -> case is_process_alive(Pid) of true -> Pid; false -> undefined end;
        [] -> undefined
    end.

answer(ok) -> "ok";
answer({ok, _}) -> "ok";
answer({error, Atom}) when Atom =:= running; Atom =:= restarting; Atom =:= not_found; Atom =:= already_present ->
    atom_to_list(Atom);
answer({error, {already_started, _}}) -> "already_started";
answer({error, _}) -> "failed".

%% At rest: three looks in a row find the same living tree and nothing written in between.
settle() -> settle(undefined, 3).

settle(_, 0) -> ok;
settle(Last, Left) ->
    erlang:yield(),
    Seen = {ets:lookup_element(clock, line, 2), (catch look(alive("root")))},
    case Seen of
        Last -> settle(Last, Left - 1);
        {_, {'EXIT', _}} -> settle(undefined, 3);
        _ -> settle(Seen, 2)
    end.

look(undefined) -> over;
look(Pid) -> [seen(Child) || Child <- supervisor:which_children(Pid)].

seen({_, restarting, _, _}) -> exit(restless);
seen({Id, undefined, _, _}) -> {Id, undefined};
seen({Id, Pid, Type, _}) ->
    is_process_alive(Pid) orelse exit(restless),
    case Type of supervisor -> {Id, Pid, look(Pid)}; worker -> {Id, Pid} end.

picture(Pid, Path) -> lists:join(" ", [Path, "running" | children(Pid, Path)]).

children(Pid, Path) -> lists:append([child(Child, Path) || Child <- lists:reverse(supervisor:which_children(Pid))]).

child({Id, undefined, _, _}, Path) -> [[Path, $/, Id], "down"];
child({_, Pid, Type, _}, _) ->
    [{_, Path}] = ets:lookup(paths, Pid),
    [Path, "running" | case Type of supervisor -> children(Pid, Path); worker -> [] end].

%% What the tree is made of.
start_supervisor(Spec) -> supervisor:start_link(?MODULE, Spec).

start_leaf(Leaf) -> gen_server:start_link(?MODULE, Leaf, []).

start_nursling(_Rule, Leaf) -> start_leaf(Leaf).

spec({leaf, _, Id, Restart, Significant, Brutal, _, _} = Leaf) ->
    Shutdown = case Brutal of true -> brutal_kill; false -> 5000 end,
    #{id => Id, start => {?MODULE, start_leaf, [Leaf]}, restart => Restart, significant => Significant,
      shutdown => Shutdown};
spec({branch, _, Id, _, _, _, Restart, _, Significant, _} = Branch) ->
    #{id => Id, start => {?MODULE, start_supervisor, [Branch]}, restart => Restart, significant => Significant,
      type => supervisor};
spec({nursery, _, Id, Restart, _, _, _, Significant} = Nursery) ->
    #{id => Id, start => {?MODULE, start_supervisor, [Nursery]}, restart => Restart, significant => Significant,
      type => supervisor}.

init({branch, Path, _, Strategy, Intensity, Period, _, Auto, _, Children}) ->
    here(Path),
    Flags = #{strategy => Strategy, intensity => Intensity, period => Period, auto_shutdown => Auto},
    {ok, {Flags, [spec(Child) || Child <- Children]}};
init({nursery, Path, _, _, Rule, Intensity, Period, _}) ->
    here(Path),
    Flags = #{strategy => simple_one_for_one, intensity => Intensity, period => Period},
    {ok, {Flags, [#{id => nursling, start => {?MODULE, start_nursling, [Rule]}, restart => Rule}]}};
init({leaf, Path, _, _, _, _, Sore, Fails}) ->
    process_flag(trap_exit, true),
    Start = ets:update_counter(starts, Path, 1, {Path, 0}),
    case lists:member(Start, Fails) of
        true -> note("fail ~s", [Path]), {stop, failed};
        false -> note("start ~s", [Path]), here(Path), {ok, {Path, Sore}}
    end.

here(Path) ->
    ets:insert(pids, {Path, self()}),
    ets:insert(paths, {self(), Path}).

handle_call(_, _, State) -> {reply, ok, State}.
handle_cast(_, State) -> {noreply, State}.

handle_info({'end', crash}, _) -> error(crash);
handle_info({'end', info}, State) -> {stop, {shutdown, enough}, State};
handle_info({'end', How}, State) -> {stop, How, State}.

terminate(Reason, {Path, Sore}) ->
    note("stop ~s ~s", [Path, label(Reason)]),
    Sore andalso error(sore),
    ok.

label(normal) -> "normal";
label(shutdown) -> "shutdown";
label({shutdown, _}) -> "info";
label(killed) -> "killed";
label(_) -> "crashed".

%% The supervisors' reports, as a logger handler: it runs in the process that reports.
log(#{msg := {report, #{label := {supervisor, progress}, report := Report}}}, _) ->
    reported("progress", Report, proplists:get_value(started, Report));
log(#{msg := {report, #{label := {supervisor, Context}, report := Report}}}, _) ->
    reported(atom_to_list(Context), Report, proplists:get_value(offender, Report));
log(_, _) -> ok.

reported(Context, Report, Child) ->
    {Pid, ?MODULE} = proplists:get_value(supervisor, Report),
    case {proplists:get_value(id, Child), ets:lookup(paths, Pid)} of
        {undefined, _} -> ok;
        {nursling, _} -> ok;
        {Id, [{_, Path}]} -> note("report ~s ~s/~s", [Context, Path, Id])
    end.
