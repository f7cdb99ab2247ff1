/** How to write rows, and what becomes of those that cannot be. */
interface Writing<T> {
  write: (rows: readonly T[]) => Promise<void>
  /** Why the database refused values; undefined when it failed for another reason, such as being away. */
  refusal: (thrown: unknown) => { code: string; reason: string } | undefined
  /** Told of a row that the database refuses. */
  skipped: (row: T, refusal: { code: string; reason: string }) => void
}

/**
 * Writes rows at once. What the database refuses is narrowed down by halves, so that only the row at fault is left out.
 * @throws what `write` throws for another reason than the rows
 */
export const writeAll = async <T>(rows: readonly T[], writing: Writing<T>): Promise<void> => {
  try {
    await writing.write(rows)
  } catch (thrown) {
    const refusal = writing.refusal(thrown)
    if (refusal === undefined) throw thrown
    if (rows.length === 1) return writing.skipped(rows[0]!, refusal)
    const middle = Math.ceil(rows.length / 2)
    await writeAll(rows.slice(0, middle), writing)
    await writeAll(rows.slice(middle), writing)
  }
}
