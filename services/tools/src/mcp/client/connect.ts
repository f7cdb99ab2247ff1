/** Opens connections to MCP servers, of the current protocol and of the older one. */
import {
  Client,
  extractWWWAuthenticateParams,
  InsufficientScopeError,
  isInputRequiredResult,
  METHOD_NOT_FOUND,
  ProtocolError,
  SdkError,
  SdkErrorCode,
  SSEClientTransport,
  StreamableHTTPClientTransport,
  type AuthProvider,
  type CallToolRequest,
  type CallToolResult,
  type FetchLike,
  type InputRequiredResult,
  type Transport,
} from '@modelcontextprotocol/client'
import { packageVersion } from '@clawmesh/chassis'
import { createChildTransport } from './child-transport.ts'
import { SignInNeeded, type Challenge } from '../oauth/types.ts'
import { createCalls, type Elicitor } from './calls.ts'
import { createMcpFetch } from './guarded-fetch.ts'
import type { Programs } from './programs.ts'
import type { McpTarget } from './target.ts'

export interface RemoteTool {
  /** As the server calls it. */
  name: string
  description: string
  /** JSON Schema of an object. */
  inputSchema: Record<string, unknown>
}

export interface McpConnection {
  tools: () => Promise<RemoteTool[]>
  /** How long the list that came last is good, where the server says so; in milliseconds. */
  listMs: () => number | undefined
  call: (
    tool: string,
    args: Record<string, unknown>,
    options: { timeoutMs: number; signal: AbortSignal; elicit?: Elicitor | undefined },
  ) => Promise<CallToolResult>
  /** @throws when the server does not answer; one that knows no ping does */
  ping: (timeoutMs: number) => Promise<void>
  /** Ends what belongs to it. */
  close: () => Promise<void>
}

export interface ConnectHooks {
  /** The connection has ended, and not by `close`. */
  closed: () => void
  /** The server says that its tools are others now. */
  toolsChanged: () => void
}

export type Connect = (
  target: McpTarget,
  hooks: ConnectHooks,
  options: { timeoutMs: number; signal?: AbortSignal },
) => Promise<McpConnection>

/** Of a message, or of an event of a stream. */
const maxMessageBytes = 8 * 1024 * 1024
const mostTools = 1_000
const mostSchemaChars = 65_536
const probeMs = 3_000
/** How often a server may ask in the middle of one call. */
const mostRounds = 5
/** So much longer than the time of a call the SDK waits, as it does not know when a user is asked. */
const askedMs = mostRounds * 130_000
/** An error of ours, in the range that JSON-RPC leaves to whoever implements it. */
const streamEnded = -32_099

/** Answers are not checked against the server's own schemas: those are foreign, and a pattern in them may take for ever. */
const noValidation = {
  getValidator: () => (input: unknown) => ({ valid: true as const, data: input as never, errorMessage: undefined }),
}

/** Tools that can be offered: with a name, and a schema of a bearable size. */
const readable = (
  tools: readonly { name: string; description?: string | undefined; inputSchema: object }[],
): RemoteTool[] =>
  tools
    .filter(
      ({ name, inputSchema }) =>
        name !== '' && name.length <= 255 && JSON.stringify(inputSchema).length <= mostSchemaChars,
    )
    .slice(0, mostTools)
    .map(({ name, description = '', inputSchema }) => ({ name, description, inputSchema: { ...inputSchema } }))

/** Whether a failure says that the server, or the session with it, is gone: not one of its own, and not that it is slow. */
const isLost = (thrown: unknown): boolean =>
  !(thrown instanceof ProtocolError) && !(thrown instanceof SdkError && thrown.code === SdkErrorCode.RequestTimeout)

const isUnknownToProtocol = (thrown: unknown): boolean =>
  thrown instanceof SdkError && thrown.code === SdkErrorCode.MethodNotSupportedByProtocolVersion

const challengeIn = (response: Response): Challenge => {
  const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(response)
  return { resourceMetadataUrl: resourceMetadataUrl?.href, scope }
}

/** The token that came with a request, by the answer that refused it. */
const refusedTokens = new WeakMap<Response, string>()

const rememberingTokens =
  (fetch: FetchLike): FetchLike =>
  async (url, init) => {
    const response = await fetch(url, init)
    const token = new Headers(init?.headers).get('authorization')?.slice('Bearer '.length)
    if (response.status === 401 && token !== undefined) refusedTokens.set(response, token)
    return response
  }

/** Whoever brings no authorization learns whether the server wants users to sign in; a key that is refused is only wrong. */
const authOf = ({ auth, headers }: McpTarget): AuthProvider | undefined => {
  if (auth !== undefined)
    return {
      token: auth.token,
      onUnauthorized: ({ response }) => auth.refused(challengeIn(response), refusedTokens.get(response)),
    }
  if (Object.keys(headers).some((name) => name.toLowerCase() === 'authorization')) return undefined
  return {
    token: async () => undefined,
    onUnauthorized: async ({ response }) => {
      if (/^(?:bearer|dpop)(?: |$)/i.test(response.headers.get('www-authenticate') ?? ''))
        throw new SignInNeeded(challengeIn(response))
    },
  }
}

/** What a server said of a scope that is too narrow, in the words that a sign-in needs; a key that may too little is only that. */
const signInNeeded = (thrown: unknown, target: McpTarget): unknown =>
  thrown instanceof InsufficientScopeError && authOf(target) !== undefined
    ? new SignInNeeded({ scope: thrown.requiredScope, resourceMetadataUrl: thrown.resourceMetadataUrl?.href })
    : thrown

/**
 * The SDK waits on for the answer to a request whose stream has ended without it: it is told that none will come. One that
 * has its answer takes no notice.
 */
const endsWithStream = (transport: Transport): Transport => {
  const send = transport.send.bind(transport)
  transport.send = (message, options) =>
    send(message, {
      ...options,
      onRequestStreamEnd: () => {
        options?.onRequestStreamEnd?.()
        if (!('method' in message) || !('id' in message)) return
        const error = { code: streamEnded, message: 'the stream of the server ended before its answer' }
        transport.onmessage?.({ jsonrpc: '2.0', id: message.id, error })
      },
    })
  return transport
}

interface Parts {
  /** Private hosts and ranges that the operator opens. */
  allow: readonly string[]
  programOf: Programs['programOf']
}

/** Who may open connections; `close` ends what they share. */
export const createConnect = ({ allow, programOf }: Parts): { connect: Connect; close: () => Promise<void> } => {
  const web = createMcpFetch(allow, maxMessageBytes)

  const transportOf = (target: McpTarget): Transport => {
    const { transport, url, headers } = target
    if (transport === 'stdio') return createChildTransport(() => programOf(target), maxMessageBytes)
    const authProvider = authOf(target)
    const options = {
      fetch: target.auth === undefined ? web.fetch : rememberingTokens(web.fetch),
      requestInit: { headers },
      onInsufficientScope: 'throw' as const,
      ...(authProvider && { authProvider }),
    }
    return transport === 'sse'
      ? new SSEClientTransport(new URL(url), options)
      : endsWithStream(new StreamableHTTPClientTransport(new URL(url), options))
  }

  const open = async (
    target: McpTarget,
    mode: 'auto' | 'legacy',
    hooks: ConnectHooks,
    options: { timeout: number; signal: AbortSignal },
  ) => {
    let wanted = true
    const client = new Client(
      { name: 'clawmesh', version: packageVersion },
      {
        versionNegotiation: { mode, probe: { timeoutMs: probeMs } },
        jsonSchemaValidator: noValidation,
        capabilities: { elicitation: { form: {}, url: {} } },
        listChanged: { tools: { autoRefresh: false, onChanged: hooks.toolsChanged } },
      },
    )
    const calls = createCalls()
    // A server of an older protocol does not say to which call its question belongs.
    client.setRequestHandler('elicitation/create', ({ params }) => calls.ask(params))
    const transport = transportOf(target)
    const close = async () => {
      wanted = false
      await client.close().catch(() => undefined)
      await transport.close().catch(() => undefined)
    }
    options.signal.addEventListener('abort', () => void close(), { once: true })
    try {
      await client.connect(transport, options)
    } catch (thrown) {
      await close()
      throw signInNeeded(thrown, target)
    }
    const ended = () => {
      if (wanted) hooks.closed()
    }
    client.onclose = ended
    // A stream that is taken up again leads to a session that knows nothing.
    if (target.transport === 'sse') client.onerror = ended
    return { client, close, ended, calls }
  }

  return {
    close: web.close,
    connect: async (target, hooks, { timeoutMs, signal: outer }) => {
      const abort = new AbortController()
      const timer = setTimeout(() => abort.abort(new Error('the server did not answer in time')), timeoutMs)
      const signal = outer === undefined ? abort.signal : AbortSignal.any([abort.signal, outer])
      const options = { timeout: timeoutMs, signal }
      try {
        const { client, close, ended, calls } = await (target.transport === 'sse'
          ? open(target, 'legacy', hooks, options)
          : open(target, 'auto', hooks, options).catch((thrown: unknown) => {
              // Older programs end at what they do not know: they are started again and spoken to as they expect.
              if (target.transport !== 'stdio' || signal.aborted) throw thrown
              return open(target, 'legacy', hooks, options)
            }))
        let listMs: number | undefined
        return {
          tools: async () => {
            const listed = await client.listTools(undefined, { timeout: timeoutMs, cacheMode: 'refresh' })
            const { ttlMs } = listed as { ttlMs?: unknown }
            listMs = typeof ttlMs === 'number' && ttlMs >= 0 ? ttlMs : undefined
            return readable(listed.tools)
          },
          listMs: () => listMs,
          call: async (name, args, { timeoutMs: timeout, signal: leaving, elicit }) => {
            const call = calls.begin(timeout, leaving, elicit)
            const send = (params: CallToolRequest['params']): Promise<CallToolResult | InputRequiredResult> =>
              client.callTool(params, {
                ...{ timeout: timeout + askedMs, maxTotalTimeout: timeout + askedMs },
                ...{ signal: call.signal, allowInputRequired: true },
              })
            try {
              let result = await send({ name, arguments: args })
              for (let round = 0; isInputRequiredResult(result); round++) {
                if (round === mostRounds) throw new Error('the server asks too often')
                const { inputRequests, requestState } = result
                const inputResponses = await call.answer(inputRequests ?? {})
                result = await send({
                  ...{ name, arguments: args, inputResponses },
                  ...(requestState === undefined ? {} : { requestState }),
                })
              }
              return result
            } catch (thrown) {
              if (call.isLate()) throw new Error('the server did not answer in time', { cause: thrown })
              const needed = signInNeeded(thrown, target)
              if (needed instanceof SignInNeeded) throw needed
              if (!leaving.aborted && target.transport !== 'stdio' && isLost(thrown)) ended()
              throw thrown
            } finally {
              call.end()
            }
          },
          ping: async (timeout) => {
            await client.ping({ timeout }).catch(async (thrown: unknown) => {
              // The current protocol has no ping, and every server of it says what it can.
              if (isUnknownToProtocol(thrown)) await client.discover({ timeout })
              else if (!(thrown instanceof ProtocolError && thrown.code === METHOD_NOT_FOUND)) throw thrown
            })
          },
          close,
        }
      } finally {
        clearTimeout(timer)
      }
    },
  }
}
