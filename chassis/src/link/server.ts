/** The links to this process. */
import { Metadata } from '@grpc/grpc-js'
import type { IdentityTokens } from '../auth/identity-token.ts'
import type { LooseFunctions, RpcDefinition } from '../grpc/types.ts'
import type { Logger } from '../log/logger.ts'
import { createAnswers, type Answer } from './answer.ts'
import { httpMetadata, type HttpServing } from './http-answer.ts'
import { serveLink, type LinkStream, type ServedLink } from './served-link.ts'

export interface LinkServerParts {
  services: readonly { definition: RpcDefinition; functions: LooseFunctions }[]
  http: HttpServing
  tokens: IdentityTokens
  log: Logger
  /** Before this age a client is told to open another link, so that new replicas behind one address get traffic. */
  maxAgeMs: number
}

export interface LinkServer {
  /** Serves a link whose opener is known. */
  accept: (stream: LinkStream) => void
  /** Asks every client to go elsewhere. */
  leave: () => void
  /** Takes no new calls, and ends every link with its last one; kept when all have ended. */
  drain: () => Promise<void>
}

/** Not all links of a moment at a time. */
const ageOf = (maxAgeMs: number): number => maxAgeMs * (0.7 + Math.random() * 0.2)

export const createLinkServer = ({ services, http, tokens, log, maxAgeMs }: LinkServerParts): LinkServer => {
  const links = new Set<ServedLink>()
  const answerOf = createAnswers(tokens, log)
  const functionsOf = services.flatMap(({ definition, functions }) =>
    Object.entries(definition).map(
      ([name, method]) => [method.path, answerOf({ method, run: functions[name]! })] as const,
    ),
  )
  const answers = new Map<string, Answer>([...functionsOf, ...http.answers])
  const metadata = new Metadata()
  if (http.answers.length > 0) metadata.set(httpMetadata, '1')
  let leaving = false
  let draining = false
  const drained = Promise.withResolvers<void>()
  const seeWhetherDrained = () => {
    if (draining && links.size === 0) drained.resolve()
  }

  return {
    accept: (stream) => {
      const aging = setTimeout(() => link.leave(true), ageOf(maxAgeMs)).unref()
      const ended = () => {
        clearTimeout(aging)
        links.delete(link)
        seeWhetherDrained()
      }
      const link = serveLink(stream, { answers, metadata, log, ended })
      links.add(link)
      if (leaving) link.leave(false)
      if (draining) link.drain()
    },
    leave: () => {
      leaving = true
      for (const link of links) link.leave(false)
    },
    drain: () => {
      draining = true
      for (const link of [...links]) link.drain()
      seeWhetherDrained()
      return drained.promise
    },
  }
}
