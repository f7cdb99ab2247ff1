/** The agent that a session key, `agent:<agent key>:<rest>`, names; undefined where it names none. */
export const agentOfKey = (sessionKey: string): string | undefined => {
  const [kind, agent, ...rest] = sessionKey.split(':', 3)
  return kind === 'agent' && agent !== undefined && agent !== '' && rest.length > 0 ? agent : undefined
}
