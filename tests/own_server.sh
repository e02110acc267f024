#!/bin/sh
# own_server.sh - a PostgreSQL server of the user's own, to be read in with `.` after tap.sh: in
# $tmp/own, from a cluster that a run has left in the cache, on $port; $own_server is its process.
# Needs $bin, the server's programs. Whoever reads it in ends it: own_server_end.
# shellcheck disable=SC2317,SC2154,SC2034 # functions and uri are for who reads it in, as are tmp and bin
own_server=''

own_server_end() {
    [ -z "$own_server" ] || { kill -QUIT "$own_server" && wait "$own_server"; }
    own_server=''
}

own_server_files() {
    as_user=''
    if [ "$(id -u)" -eq 0 ]; then
        user=nobody
        id postgres >/dev/null 2>&1 && user=postgres
        as_user="setpriv --reuid=$user --regid=$(id -g $user) --clear-groups"
    fi
    mkdir "$tmp/own" && cp -R "$tmp"/cache/poolstorm/postgres-* "$tmp/own/data" || return 1
    [ -z "$as_user" ] || chown -R "$user:" "$tmp/own"
    printf 'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n' \
        >"$tmp/own/data/pg_hba.conf"
}

# shellcheck disable=SC2086 # words or nothing
own_server_try() {
    (cd "$tmp/own" && exec $as_user "$bin/postgres" -D data -c port="$1" -c fsync=off \
        -c autovacuum=off -c unix_socket_directories="$tmp/own" >log 2>&1) &
    own_server=$!
    until grep -qs '^ready' "$tmp/own/data/postmaster.pid"; do
        kill -0 "$own_server" 2>/dev/null || return 1
        sleep 0.01
    done
}

# Sets uri, too, of an ordinary user.
own_server_start() {
    own_server_files || return 1
    port=$((20000 + $$ % 10000))
    until own_server_try $port; do # which someone else may have
        wait "$own_server"
        own_server=''
        [ $port -lt 31000 ] || return 1
        port=$((port + 1))
    done
    uri="postgresql://app:secret@127.0.0.1:$port/postgres"
    ask "CREATE ROLE app LOGIN PASSWORD 'secret'; GRANT CREATE ON DATABASE postgres TO app" \
        >/dev/null
}

# ask SQL: as its superuser.
ask() {
    "$bin/psql" -X -q -A -t -h "$tmp/own" -p "$port" -U postgres -d postgres -c "$1" 2>>"$tmp/err"
}
