"""Log script: what is searched for in logs and journal, and the script that a host runs."""

from shlex import quote

# Both Python and awk use these expressions, so they have neither \S nor (?:...); CRASH is compared in lower case.
CRASH = (
    "segfault at|segmentation fault|signal 11([^0-9]|$)|status=11/segv|code=dumped|core-dump"
    "|out of memory: killed|oom-kill|oom killer"
)
CRITICAL = " CRITICAL "
TRACEBACK = r"Traceback \(most recent call last\)"
HARMLESS = (
    "Unhandled error: OSError: write error"  # a client hung up, such as a health check that timed out
    r"| keystone[^ ]* \[.*\] Could not find "  # Keystone's traceback for a request for a missing object
)
_HEAD = r" \[(None )?(req-|-[] ])"
"""The first line of an OpenStack service's message holds the request ID; it names what a traceback is about."""
SAMPLE = "sample"
"""The source of a line that goes through the same commands as the logs; the search is not known without it."""
JOURNAL = "journal"
MOST = 5000
"""The most entries of the journal that are read, the newest; the number of others is reported."""
_COPIES = ("auth", "cron", "daemon", "kern", "mail", "user")
"""Logs directly below /var/log that the syslog daemon writes from the journal."""

_PICK = r"""
BEGIN { months = "JanFebMarAprMayJunJulAugSepOctNovDec" }
/^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][ T][0-9][0-9]:/ { at = substr($0, 1, 10) " " substr($0, 12, 8) }
/^[A-Z][a-z][a-z] [ 0-9][0-9] [0-9][0-9]:/ {
  at = sprintf("-%02d-%02d %s", (index(months, $1) + 2) / 3, $2, substr($3, 1, 8))
  year = substr(now, 1, 4); at = (year at <= now ? year : year - 1) at
}
at == "" { at = written }
{ logger = $1 " " $2 " " $3 " " $4 " " $5 }
$0 ~ ENVIRON["head"] { cause = $0; named = logger }
{
  kind = tolower($0) ~ ENVIRON["crash"] ? "crash" : $0 ~ ENVIRON["critical"] ? "critical" : \
    $0 ~ ENVIRON["traceback"] ? "traceback" : ""
  line = kind == "traceback" && named == logger ? cause : $0
  if (kind == "" || at < since || line ~ ENVIRON["harmless"]) next
  request = match(line, /req-[0-9a-f-]+/) ? substr(line, RSTART, RLENGTH) : ""
  if (kind == "traceback" && request != "" && told[request, substr(at, 1, 18)]++) next
  span = kind "\t" substr(at, 1, 15)
  if (!count[span]++) { begun[span] = at; first[span] = substr(line, 1, 300) }
}
END {
  for (span in count) {
    split(span, part, "\t"); print "file\t" source "\t" part[1] "\t" begun[span] "\t" count[span] "\t" first[span]
  }
}
"""
"""Prints the number of lines of each kind in each ten minutes, so that any number of lines is read. A line without a
date has that of the line before it, or else the time when the file was `written`.

The tracebacks of one request count once in ten seconds. Neutron tries ten times, within a second or two, to bind a port
whose subnet a tenant has just deleted. An agent that reports its state has one request ID for ever, so a request must
count again later."""

SCRIPT = rf"""
export LC_ALL=C head={quote(_HEAD)} crash={quote(CRASH)} critical={quote(CRITICAL)} traceback={quote(TRACEBACK)}
export harmless={quote(HARMLESS)}
pick={quote(_PICK)}
""" + r"""
exec 2>&1
what="as given"
if [ -n "$1" ]; then at=$(date -d "$1" +%s) || exit 1
elif at=$(stat -c %Y /var/lib/stackproof/pending 2>/dev/null); then what="the last change by a build"
else at=$(date -d "$(ps -o lstart= -p 1)" +%s) what="the host's boot"; fi
from=$(date -d "@$at" "+%F %T") now=$(date "+%F %T")
printf "since\t%s\t%s\n" "$from" "$what"

pick() { # <source> <file>: the lines of trouble on stdin
  grep -aiE -B 3 "$crash|$critical|$traceback" |
    awk -v source="$1" -v since="$from" -v now="$now" -v written="$(date -r "$2" "+%F %T")" "$pick"
}
unpacked() {
  case $1 in
    *.gz) gzip -dc -- "$1" ;; *.xz) xz -dc -- "$1" ;; *.bz2) bzip2 -dc -- "$1" ;; *.zst) zstd -dcq -- "$1" ;;
    *) cat -- "$1" ;;
  esac
}
printf "%s CRITICAL sample\n" "$now" | pick SAMPLE /
files=$(find /var/log -maxdepth 3 -type f "(" -name "*.log" -o -name "*.log[.-]*" ")" -newermt "@$at" COPIES)
packed="\.(gz|xz|bz2|zst)$"
plain=$(printf "%s\n" "$files" | grep -vE "$packed|^$" | xargs -r -d "\n" grep -laiE "$crash|$critical|$traceback" --)
printf "%s\n" "$plain" "$(printf "%s\n" "$files" | grep -E "$packed")" | while IFS= read -r file; do
  source=${file##*/}
  [ -z "$file" ] || unpacked "$file" | pick "${source%%.log*}" "$file"
done

errors() { # a journal file that is older than the window and damaged holds nothing of it
  while IFS= read -r line; do
    file=${line#*Journal file } file=${file%% *}
    { [ -e "$file" ] && [ "$(stat -c %Y "$file")" -lt "$at" ]; } || printf "%s\n" "$line"
  done
}
entries() {
  journalctl -q --no-pager --since "@$at" --case-sensitive=yes -g "$critical|$traceback|(?i:$crash)" -o json \
    --output-fields=MESSAGE,UNIT,_SYSTEMD_UNIT,SYSLOG_IDENTIFIER
  echo "ended $?"
}
[ -n "$(journalctl -q --no-pager -n 1 -g . -o cat)" ] || echo "the journal holds nothing, or cannot be searched"
{ entries 2>&1 >&3 | errors >&4; } 3>&1 4>&2 | awk '
  { line[NR % MOST] = $0 } # the last line is that of the end
  END { for (i = NR > MOST ? NR - MOST + 1 : 1; i <= NR; i++) print line[i % MOST]; print "read\t" NR - 1 }'
exit 0
""".replace("SAMPLE", SAMPLE).replace("MOST", str(MOST + 1)).replace(
    "COPIES", " ".join(f"! -path '/var/log/{name}.log*'" for name in _COPIES)
)
"""Everything on stderr is part of the output: a log that cannot be read must not look like one without trouble."""
