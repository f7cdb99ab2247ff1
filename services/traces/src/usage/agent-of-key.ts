/** The agent that a session key names; undefined where it names none. */
export const agentOfKey = (sessionKey: string | undefined): string | undefined => {
  const [kind, agent] = sessionKey?.split(':', 2) ?? []
  return kind === 'agent' && agent !== '' ? agent : undefined
}
