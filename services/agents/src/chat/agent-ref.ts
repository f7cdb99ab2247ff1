/** Which agent a request of a foreign protocol is for. */
import type { IncomingMessage } from 'node:http'

const agentPrefix = /^(?:goclaw|agent):(.*)$/s

const header = (headers: IncomingMessage['headers'], name: string): string | undefined => {
  const value = headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The agent that a request names: model prefix, header, else `default`. */
export const agentRefOf = (model: string, headers: IncomingMessage['headers']): string => {
  const prefixed = agentPrefix.exec(model)
  if (prefixed !== null) return prefixed[1] || 'default'
  return header(headers, 'x-goclaw-agent-id') ?? header(headers, 'x-goclaw-agent') ?? 'default'
}
