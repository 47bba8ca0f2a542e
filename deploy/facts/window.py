"""Window: the start of the time whose log lines and journal entries checks read."""

SHELL = r"""
if [ -n "$1" ]; then at=$(date -d "$1" +%s) || exit 1
else at=$(stat -c %Y /var/lib/stackproof/pending 2>/dev/null || date -d "$(ps -o lstart= -p 1)" +%s); fi
"""
"""Sets `at`, in seconds since 1970, from a time for `date -d` in `$1`. Where that is empty: the build's last written
file or restarted unit on the host; without one, the host's boot."""

SEARCH = r"""
[ -n "$(journalctl -q --no-pager -n 1 -o cat -g . 2>/dev/null)" ] ||
  { echo "the journal holds nothing, cannot be read, or cannot be searched" >&2; exit 1; }
search() {
  found=$(journalctl -q --no-pager --since "@$at" -o json "$@") || [ $? -eq 1 ] ||
    { echo "the search of the journal failed" >&2; exit 1; }
}
"""
"""Declares `search`, which puts the matching entries since `at` into `found`: journalctl's exit code is 1 where there
are none. The script fails where a search of the journal cannot find anything."""
