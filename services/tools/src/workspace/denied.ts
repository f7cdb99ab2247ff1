/** Names at the top of a workspace that hold the system's own data. */

/** `archive`: all files of an agent, whose top folders are its users'. */
export type Access = 'read' | 'other' | 'archive'

const always = [/^config\.json$/, /^memory\.db/, /^goclaw\.db/, /^memory$/, /^delegate$/]
/** Attachments: an agent may read what it was sent, and nothing else with it. */
const readOnly = [/^\.media$/, /^\.uploads$/]

/** Whether a path below the workspace is off limits. Case is ignored: some file systems do too. */
export const isDenied = (names: readonly string[], access: Access): boolean => {
  const top = names[0]?.toLowerCase()
  if (top === undefined || access === 'archive') return false
  return [...always, ...(access === 'read' ? [] : readOnly)].some((pattern) => pattern.test(top))
}
