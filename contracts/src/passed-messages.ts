/** Messages that one session of an agent sends to another: what the services agree on that send them on and run them. */
export const passedMessages = {
  /** Of the run that answers one; its chat is how often the message was passed on. */
  channel: 'sessions_send',
  /** How often messages are passed on from session to session before it ends. */
  longestChain: 3,
} as const
