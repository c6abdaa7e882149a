#!/usr/bin/env escript
%% Erlang's side of the runtime benchmark: a gen_server and supervisors. Prints "row value" lines.
%%! +S 1 +P 1000000 -kernel logger_level none
-mode(compile).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, start_child/2, start_plain/0]).

init({supervisor, Flags, Specs}) -> {ok, {Flags, Specs}};
init({tell, To}) -> To ! {up, self()}, {ok, {count, 0, To}};
init(plain) -> {ok, {count, 0, none}}.

start_child(To, _Key) -> gen_server:start_link(?MODULE, {tell, To}, []).
start_plain() -> gen_server:start_link(?MODULE, plain, []).

handle_call(get, _From, S = {count, N, _}) -> {reply, N, S};
handle_call({next, Next}, _From, _S) -> {reply, ok, {ring, Next, none}}.
handle_cast({add, 0, To}, S) -> To ! done, {noreply, S};
handle_cast({add, _, _}, {count, N, T}) -> {noreply, {count, N + 1, T}};
handle_cast({hop, 0, To}, S) -> To ! done, {noreply, S};
handle_cast({hop, Left, To}, S = {ring, Next, _}) -> gen_server:cast(Next, {hop, Left - 1, To}), {noreply, S};
handle_cast({fan, Counter}, S) -> Counter ! one, {noreply, S};
handle_cast(crash, _S) -> exit(boom).
handle_info(_, S) -> {noreply, S}.

micros(F) -> T = erlang:monotonic_time(nanosecond), F(), (erlang:monotonic_time(nanosecond) - T) / 1000.
rate(N, F) -> N / micros(F) * 1000000.
take(0) -> ok;
take(N) -> receive {up, _} -> take(N - 1); one -> take(N - 1) end.
plain(N) -> [begin {ok, P} = start_plain(), P end || _ <- lists:seq(1, N)].
stop(Ps) -> [begin unlink(P), exit(P, kill) end || P <- Ps].
median(L) -> lists:nth(length(L) div 2 + 1, lists:sort(L)).

start_sup(Flags, Specs) -> {ok, S} = supervisor:start_link(?MODULE, {supervisor, Flags, Specs}), S.
many() -> #{strategy => simple_one_for_one, intensity => 1000000, period => 1}.
child(Me) -> [#{id => x, start => {?MODULE, start_child, [Me]}, shutdown => brutal_kill}].
stop_sup(S) -> unlink(S), M = monitor(process, S), exit(S, shutdown), receive {'DOWN', M, _, _, _} -> ok end.

main([]) ->
    process_flag(trap_exit, true),
    Me = self(),
    row("tell", begin [P] = plain(1), N = 300000, V = rate(N, fun() ->
        [gen_server:cast(P, {add, I, Me}) || I <- lists:seq(N - 1, 0, -1)], receive done -> ok end end), stop([P]), V end),
    row("singly", begin [P1] = plain(1), N1 = 100000, V1 = rate(N1, fun() ->
        [begin gen_server:cast(P1, {add, I, Me}), erlang:yield() end || I <- lists:seq(N1 - 1, 0, -1)],
        receive done -> ok end end), stop([P1]), V1 end),
    row("ask", begin [P2] = plain(1), V2 = rate(50000, fun() ->
        [gen_server:call(P2, get) || _ <- lists:seq(1, 50000)] end), stop([P2]), V2 end),
    row("ask 64", begin [P3] = plain(1), V3 = rate(64000, fun() ->
        [spawn(fun() -> [gen_server:call(P3, get) || _ <- lists:seq(1, 1000)], Me ! one end) || _ <- lists:seq(1, 64)],
        take(64) end), stop([P3]), V3 end),
    row("ring", begin Ps = plain(1000),
        lists:foldl(fun(P4, Next) -> ok = gen_server:call(P4, {next, Next}), P4 end, hd(Ps), lists:reverse(Ps)),
        V4 = rate(200000, fun() -> gen_server:cast(hd(Ps), {hop, 200000, Me}), receive done -> ok end end),
        stop(Ps), V4 end),
    row("fan", begin Fs = plain(10000), V5 = rate(10000, fun() ->
        [gen_server:cast(F, {fan, Me}) || F <- Fs], take(10000) end), stop(Fs), V5 end),
    row("spawn", begin S6 = start_sup(many(), child(Me)), V6 = rate(10000, fun() ->
        [supervisor:start_child(S6, [K]) || K <- lists:seq(1, 10000)] end), take(10000), stop_sup(S6), V6 end),
    row("memory", begin erlang:garbage_collect(), B = erlang:memory(total), Ms = plain(10000),
        V7 = (erlang:memory(total) - B) / 10000, stop(Ms), V7 end),
    S8 = start_sup(#{strategy => one_for_one, intensity => 1000000, period => 1},
                   [(hd(child(Me)))#{start => {?MODULE, start_child, [Me, a]}}]),
    receive {up, First} -> ok end,
    row("crash", crash(First, 2000, [])),
    stop_sup(S8),
    row("storm", storm(1, 10000, Me)),
    row("storm 100x100", storm(100, 100, Me)).

crash(_, 0, Took) -> median(Took);
crash(P, N, Took) ->
    T = erlang:monotonic_time(nanosecond),
    gen_server:cast(P, crash),
    receive {up, Q} -> crash(Q, N - 1, [(erlang:monotonic_time(nanosecond) - T) / 1000 | Took]) end.

storm(Sups, Each, Me) ->
    Ss = [start_sup(many(), child(Me)) || _ <- lists:seq(1, Sups)],
    [{ok, _} = supervisor:start_child(S, [K]) || S <- Ss, K <- lists:seq(1, Each)],
    Ps = ups(Sups * Each, []),
    V = micros(fun() -> [gen_server:cast(P, crash) || P <- Ps], take(Sups * Each) end) / 1000000,
    [stop_sup(S) || S <- Ss],
    V.

ups(0, Ps) -> Ps;
ups(N, Ps) -> receive {up, P} -> ups(N - 1, [P | Ps]) end.

row(Name, Value) -> io:format("~s ~w~n", [string:replace(Name, " ", "_", all), float(Value)]).
