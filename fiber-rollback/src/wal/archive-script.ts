/**
 * The archive command's script: POSIX sh, because a server's image has no Node. It syncs file and
 * folder before it says yes, never overwrites a different file, and says yes again to the same one.
 * Arguments: path of the segment, its name, the archive's folder.
 */
export const ARCHIVE_SCRIPT = `#!/bin/sh
# Written by fiber at every start. Usage: archive-wal.sh PATH NAME FOLDER
set -eu
umask 077
path=$1 name=$2 folder=$3
unfinished=$folder/.$name.$$.partial

fail() { echo "archive-wal: $*" >&2; exit 1; }
# Where sync takes no names, everything is synced.
to_disk() { sync "$1" 2>/dev/null || sync; }

[ -d "$folder" ] || fail "the folder $folder is missing; is its disk mounted?"
if [ -e "$folder/$name.gz" ]; then
  gzip -dc "$folder/$name.gz" | cmp -s - "$path" || fail "a different $name.gz is archived already"
  to_disk "$folder"; exit 0
fi
if [ -e "$folder/$name" ]; then
  cmp -s "$folder/$name" "$path" || fail "a different $name is archived already"
  to_disk "$folder"; exit 0
fi

trap 'rm -f "$unfinished"' EXIT
rm -f "$folder/.$name".*.partial
if command -v gzip >/dev/null 2>&1; then
  gzip -1 -c "$path" >"$unfinished"
  final=$folder/$name.gz
else
  cp "$path" "$unfinished"
  final=$folder/$name
fi
to_disk "$unfinished"
# A link, unlike a rename, never replaces a file that somebody made meanwhile.
ln "$unfinished" "$final" || fail "$final cannot be made"
to_disk "$folder"
`;

/** Fetches a segment for recovery. Arguments: name, where to, the archive's folder. */
export const FETCH_SCRIPT = `#!/bin/sh
# Written by fiber. Usage: fetch-wal.sh NAME TO FOLDER
set -eu
if [ -e "$3/$1.gz" ]; then gzip -dc "$3/$1.gz" >"$2"; else cp "$3/$1" "$2"; fi
`;

/** A setting such as archive_command: a script and its arguments, `%p` and `%f` left as they are. */
export function scriptCommand(script: string, ...args: readonly string[]): string {
  const quoted = [script, ...args].map((arg) =>
    arg === "%p" || arg === "%f"
      ? `"${arg}"`
      : `'${arg.replaceAll("%", "%%").replaceAll("'", "'\\''")}'`,
  );
  return `sh ${quoted.join(" ")}`;
}
