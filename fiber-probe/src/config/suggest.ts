/** The known word nearest to what was written, or null when none is near (two edits at most). */
export function suggest(written: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let bestEdits = 3;
  for (const word of known) {
    const edits = editDistance(written.toLowerCase().slice(0, 64), word.toLowerCase());
    if (edits < bestEdits && edits < word.length) {
      best = word;
      bestEdits = edits;
    }
  }
  return best;
}

/** Levenshtein distance: insertions, deletions and replacements between two words. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      row.push(
        Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + same),
      );
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
