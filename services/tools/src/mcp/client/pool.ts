/**
 * Connections to MCP servers, kept while they are used: bounded, watched, opened again after growing pauses when they end.
 * Who asks a server that is away is told at once.
 */
import { toolError } from '../../tool/tool-error.ts'
import type { Connect, McpConnection, RemoteTool } from './connect.ts'
import type { McpTarget } from './target.ts'

export interface PoolLimits {
  /** Shared connections, of all tenants together; one tenant has half of them at most. */
  shared: number
  /** Connections of users' own, for each server. */
  personal: number
  sharedIdleMs: number
  personalIdleMs: number
  /** How long one waits for a place. */
  sharedWaitMs: number
  personalWaitMs: number
  sweepMs: number
  connectMs: number
  pingMs: number
  /** Pings in a row that fail until a connection counts as gone. */
  pingFailures: number
  /** The first pause before a connection is opened again; it doubles. */
  backoffMs: number
  maxBackoffMs: number
  attempts: number
  /** So long a list of tools is kept, however short the server says it is good. */
  leastListMs: number
}

export const defaultPoolLimits: PoolLimits = {
  shared: 200,
  personal: 30,
  sharedIdleMs: 20 * 60_000,
  personalIdleMs: 15 * 60_000,
  sharedWaitMs: 60_000,
  personalWaitMs: 10_000,
  sweepMs: 60_000,
  connectMs: 15_000,
  pingMs: 30_000,
  pingFailures: 3,
  backoffMs: 2_000,
  maxBackoffMs: 60_000,
  attempts: 10,
  leastListMs: 10_000,
}

/** Which connection is meant. */
export interface ConnectionKey {
  tenantId: string
  serverId: string
  /** Set where the connection is made with this user's own secrets: nobody else's calls go over it. */
  userId?: string | undefined
  /** Changes with everything that a connection depends on; one of another version is not used any more. */
  version: string
}

interface Entry {
  key: ConnectionKey
  target: () => McpTarget
  /** Undefined while it is away. */
  opening: Promise<McpConnection> | undefined
  /** The connection once it is open. */
  open: McpConnection | undefined
  calls: number
  usedAt: number
  failedPings: number
  attempts: number
  timer: NodeJS.Timeout | undefined
  /** Until when the list of tools is good, as the server says. */
  listedUntil: number
}

interface Parts {
  connect: Connect
  limits?: Partial<PoolLimits>
  /** Told when the tools of a server are to be asked for again. */
  toolsChanged: (key: ConnectionKey, tools: RemoteTool[]) => void
}

const nameOf = ({ tenantId, serverId, userId }: ConnectionKey): string =>
  JSON.stringify([tenantId, serverId, userId ?? null])
const ownerOf = ({ serverId, userId }: ConnectionKey): string => (userId === undefined ? '' : serverId)

/** What a model may know of why a server cannot be reached. */
const away = () => toolError('the MCP server is not connected; it is being tried again')

export const createPool = ({ connect, toolsChanged, limits: given }: Parts) => {
  const limits = { ...defaultPoolLimits, ...given }
  const entries = new Map<string, Entry>()
  /** Those who wait for a place, first come first served. */
  const waiting = new Set<() => void>()
  let isClosed = false

  const limitsOf = ({ userId }: ConnectionKey) =>
    userId === undefined
      ? {
          most: limits.shared,
          mostOfTenant: Math.ceil(limits.shared / 2),
          idleMs: limits.sharedIdleMs,
          waitMs: limits.sharedWaitMs,
        }
      : {
          most: limits.personal,
          mostOfTenant: limits.personal,
          idleMs: limits.personalIdleMs,
          waitMs: limits.personalWaitMs,
        }

  const wake = () => {
    for (const look of [...waiting]) look()
  }

  const drop = (entry: Entry): Promise<void> => {
    const name = nameOf(entry.key)
    if (entries.get(name) === entry) entries.delete(name)
    clearTimeout(entry.timer)
    const { opening } = entry
    entry.opening = undefined
    entry.open = undefined
    wake()
    return Promise.resolve(opening).then(
      (connection) => connection?.close(),
      () => undefined,
    )
  }

  const isKept = (entry: Entry): boolean => entries.get(nameOf(entry.key)) === entry

  /** Opens it again later, unless it was tried too often: then somebody has to reconnect it, or it leaves when it is idle. */
  const retry = (entry: Entry): void => {
    const { opening } = entry
    entry.opening = undefined
    entry.open = undefined
    opening?.then(
      (connection) => connection.close(),
      () => undefined,
    )
    if (isClosed || !isKept(entry) || entry.attempts >= limits.attempts) return
    const pause = Math.min(limits.backoffMs * 2 ** entry.attempts, limits.maxBackoffMs)
    entry.attempts++
    clearTimeout(entry.timer)
    entry.timer = setTimeout(() => void begin(entry).catch(() => undefined), pause).unref()
  }

  const refresh = async (entry: Entry, connection: McpConnection): Promise<void> => {
    entry.listedUntil = Infinity
    const tools = await connection.tools()
    const listMs = connection.listMs()
    if (listMs !== undefined) entry.listedUntil = Date.now() + Math.max(listMs, limits.leastListMs)
    if (isKept(entry)) toolsChanged(entry.key, tools)
  }

  const begin = (entry: Entry): Promise<McpConnection> => {
    const opening: Promise<McpConnection> = (async () => {
      let ended = false
      const isOurs = () => entry.opening === opening
      const connection = await connect(
        entry.target(),
        {
          closed: () => {
            ended = true
            if (isOurs()) retry(entry)
          },
          toolsChanged: () => void refresh(entry, connection).catch(() => undefined),
        },
        { timeoutMs: limits.connectMs },
      )
      try {
        await refresh(entry, connection)
      } catch (thrown) {
        await connection.close()
        throw thrown
      }
      if (ended) throw away()
      entry.open = connection
      entry.attempts = 0
      entry.failedPings = 0
      return connection
    })()
    entry.opening = opening
    opening.catch(() => {
      if (entry.opening === opening) retry(entry)
    })
    return opening
  }

  /** The entry that has been idle for longest. */
  const idle = (among: readonly Entry[]): Entry | undefined =>
    among
      .filter((entry) => entry.calls === 0 && (entry.open !== undefined || entry.opening === undefined))
      .sort((a, b) => a.usedAt - b.usedAt)[0]

  const makeRoom = (key: ConnectionKey): boolean => {
    const { most, mostOfTenant } = limitsOf(key)
    const held = [...entries.values()].filter((entry) => ownerOf(entry.key) === ownerOf(key))
    const ofTenant = held.filter((entry) => entry.key.tenantId === key.tenantId)
    // Whose share is full gives up one of its own, and takes none of another tenant.
    const isShareFull = ofTenant.length >= mostOfTenant
    if (!isShareFull && held.length < most) return true
    const oldest = idle(isShareFull ? ofTenant : held)
    if (oldest === undefined) return false
    void drop(oldest)
    return true
  }

  /** Waits until places may have become free. @throws TOOL_ERROR when it takes too long; the signal's reason */
  const news = (untilMs: number, signal: AbortSignal): Promise<void> =>
    new Promise<void>((resolve, reject) => {
      const end = (work: () => void) => {
        clearTimeout(timer)
        waiting.delete(look)
        signal.removeEventListener('abort', leave)
        work()
      }
      const look = () => end(resolve)
      const leave = () => end(() => reject(signal.reason as Error))
      const timeOver = () => end(() => reject(toolError('too many MCP connections are in use')))
      const timer = setTimeout(timeOver, Math.max(untilMs - Date.now(), 0))
      waiting.add(look)
      signal.addEventListener('abort', leave, { once: true })
    })

  /** The entry of a connection, with a call counted on it; nothing comes between finding a place and taking it. */
  const claim = async (key: ConnectionKey, target: () => McpTarget, signal: AbortSignal): Promise<Entry> => {
    const name = nameOf(key)
    const { waitMs } = limitsOf(key)
    const untilMs = Date.now() + waitMs
    for (;;) {
      signal.throwIfAborted()
      const known = entries.get(name)
      if (known?.key.version === key.version) {
        known.calls++
        return known
      }
      if (known !== undefined) void drop(known)
      if (makeRoom(key)) {
        const entry: Entry = {
          key,
          target,
          opening: undefined,
          open: undefined,
          calls: 1,
          usedAt: Date.now(),
          failedPings: 0,
          attempts: 0,
          timer: undefined,
          listedUntil: Infinity,
        }
        entries.set(name, entry)
        void begin(entry).catch(() => undefined)
        return entry
      }
      await news(untilMs, signal)
    }
  }

  const ping = async (entry: Entry, connection: McpConnection): Promise<void> => {
    try {
      await connection.ping(Math.min(limits.pingMs, 10_000))
      entry.failedPings = 0
    } catch {
      if (entry.open !== connection) return
      entry.failedPings++
      if (entry.failedPings >= limits.pingFailures) retry(entry)
    }
  }
  const pings = setInterval(() => {
    for (const entry of entries.values()) if (entry.open !== undefined) void ping(entry, entry.open)
  }, limits.pingMs).unref()
  const sweeps = setInterval(() => {
    for (const entry of [...entries.values()])
      if (entry.calls === 0 && Date.now() - entry.usedAt > limitsOf(entry.key).idleMs) void drop(entry)
  }, limits.sweepMs).unref()

  return {
    /**
     * Works with a connection, which is opened where there is none.
     * @throws TOOL_ERROR when the server is away, or every place is taken for too long; what `work` and connecting throw
     */
    use: async <T>(
      key: ConnectionKey,
      target: () => McpTarget,
      signal: AbortSignal,
      work: (connection: McpConnection) => Promise<T>,
    ): Promise<T> => {
      const entry = await claim(key, target, signal)
      try {
        if (entry.opening === undefined) throw away()
        return await work(await entry.opening)
      } finally {
        entry.calls--
        entry.usedAt = Date.now()
        wake()
      }
    },

    /** Asks a server again for its tools, once its list is good no more; whoever wants it now has the old one. */
    keepList: (key: ConnectionKey): void => {
      const entry = entries.get(nameOf(key))
      if (entry?.open === undefined || entry.listedUntil > Date.now()) return
      void refresh(entry, entry.open).catch(() => undefined)
    },

    /** Ends the connections to a server, those of users too. */
    drop: async (tenantId: string, serverId: string): Promise<void> => {
      const those = [...entries.values()].filter(({ key }) => key.tenantId === tenantId && key.serverId === serverId)
      await Promise.all(those.map(drop))
    },

    /** Whose connections there are, those that are away included. */
    keys: (): ConnectionKey[] => [...entries.values()].map(({ key }) => key),

    /** Ends the connection of just this key, if it is still there. */
    dropKey: async (key: ConnectionKey): Promise<void> => {
      const entry = entries.get(nameOf(key))
      if (entry?.key.version === key.version) await drop(entry)
    },

    size: (): number => entries.size,

    close: async (): Promise<void> => {
      isClosed = true
      clearInterval(pings)
      clearInterval(sweeps)
      await Promise.all([...entries.values()].map(drop))
    },
  }
}

export type Pool = ReturnType<typeof createPool>
