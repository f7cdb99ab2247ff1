/** Subjects as NATS matches them. */

const sourceOf = (pattern: string): string =>
  pattern
    .split('.')
    .map((part) => (part === '*' ? '[^.]+' : part === '>' ? '.+' : RegExp.escape(part)))
    .join('\\.')

/** Matches what any of the patterns does: `*` is one token, `>` the rest. */
export const subjectMatcher = (patterns: readonly string[]): RegExp =>
  new RegExp(`^(?:${patterns.map(sourceOf).join('|')})$`)

/** Whether it is more than one subject. */
export const isPattern = (subject: string): boolean => /[*>]/.test(subject)
