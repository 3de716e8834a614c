#!/bin/sh
# Options alone are options of the server. Like the official image, it answers other hosts although it has no password:
# whoever starts it decides which network it is in.
set -e
case "${1:-}" in
    -* | *.conf) set -- valkey-server "$@" ;;
esac
case "$1" in
    valkey-server | redis-server) set -- "$@" --protected-mode no ;;
esac
exec "$@"
