/** One link, from the side that opened it and makes the calls. */
import { Client, Metadata, status as grpcStatus, type ClientDuplexStream, type StatusObject } from '@grpc/grpc-js'
import { LinkServiceService } from '@clawmesh/contracts/gen/clawmesh/link/v1/link.ts'
import { identityHeader } from '../auth/identity-token.ts'
import { clientCredentials, type TlsSettings } from '../grpc/tls.ts'
import { createLinkCall, type LinkCall } from './call.ts'
import { decodeBatch, type Frame, type Open, type Status } from './codec.ts'
import { httpMetadata } from './http-answer.ts'
import { maxOpenCalls } from './limits.ts'
import { hostOf } from './resolve.ts'
import { createTextSlots } from './texts.ts'
import { createWriter } from './writer.ts'

/** A link that is not there after this long is given up. */
const connectTimeoutMs = 10_000
/** With calls open and nothing coming this long the other side is asked for a sign of life; as long again, and it is gone. */
const quietMs = 5_000
/** Beyond these numbers a link is replaced. */
const lastCall = 2 ** 31

const options = {
  // A link has a connection of its own, which ends with it.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.max_receive_message_length': 33_554_432,
  'grpc.max_send_message_length': 33_554_432,
  // Each call has its window; that of the connection must not be what holds up the others.
  'grpc-node.flow_control_window': 8_388_608,
}

/**
 * `ready` takes calls; `leaving` takes them too, while there is no better one; `unsupported` was refused by a server that
 * has no links.
 */
export type LinkState = 'connecting' | 'ready' | 'leaving' | 'closed' | 'unsupported'

/** What a call begins with; texts as they are. */
export interface Opening extends Omit<Open, 'method' | 'identity'> {
  readonly method: string
  readonly identity: string
}

export interface Link {
  state: () => LinkState
  /** Calls that are open. */
  calls: () => number
  /** Whether the server takes HTTP requests over it; those of earlier releases do not. */
  carriesHttp: () => boolean
  /** Begins a call; undefined when the link takes none. `changed` says that there is something to take, or the end. */
  open: (opening: Opening, changed: () => void) => LinkCall | undefined
  /** Bytes that were sent and received. */
  traffic: () => { sent: number; received: number }
  /** Ends the link, and calls that are open with it. */
  close: () => void
}

export interface LinkOptions {
  /** `host:port`. */
  address: string
  /** The name that the address was found under. */
  authority: string
  /** Plain unless given; the certificate must be one of that name. */
  tls?: TlsSettings
  /** Vouches for this process. */
  identity: () => Promise<string>
  /** The state is another; `again` when a leaving server says that a new link may be opened at once. */
  changed: (again: boolean) => void
  /** The last open call has ended. */
  idle: () => void
}

const unavailable = (details: string, refused = false): Status => ({
  code: grpcStatus.UNAVAILABLE,
  details,
  error: Buffer.alloc(0),
  refused,
})
const cancelled: Status = { ...unavailable('cancelled'), code: grpcStatus.CANCELLED }

/** Opens a link. It fails by its state, never by throwing. */
export const connectLink = ({ address, authority, tls = {}, identity, changed, idle }: LinkOptions): Link => {
  const client = new Client(address, clientCredentials(tls), {
    ...options,
    'grpc.default_authority': authority,
    'grpc.ssl_target_name_override': hostOf(authority),
  })
  const { path } = LinkServiceService.link
  const calls = new Map<number, LinkCall>()
  const traffic = { sent: 0, received: 0 }
  let state: LinkState = 'connecting'
  let nextCall = 1
  let http = false
  let seen = false
  let asked = false
  let watching: NodeJS.Timeout | undefined
  let stream: ClientDuplexStream<Buffer, Buffer> | undefined

  const turn = (to: LinkState, again = false): void => {
    if (state === to || state === 'closed' || state === 'unsupported') return
    state = to
    changed(again)
  }

  const finish = (to: 'closed' | 'unsupported', status: Status): void => {
    if (state === 'closed' || state === 'unsupported') return
    clearTimeout(connecting)
    clearTimeout(watching)
    writer.close()
    client.close()
    const open = [...calls.values()]
    calls.clear()
    turn(to)
    for (const call of open) call.close(status)
  }
  const fail = (details: string): void => {
    finish('closed', unavailable(details))
    stream?.cancel()
  }
  // After a turn in which nothing could be read, what has come is read first.
  const connecting = setTimeout(
    () => setImmediate(() => state === 'connecting' && fail('no connection in time')),
    connectTimeoutMs,
  )

  const writer = createWriter((batch, done) => {
    traffic.sent += batch.length
    stream!.write(batch, done)
  })
  const slotOf = createTextSlots((value) => writer.first({ call: 0, kind: { $case: 'text', value } }))

  /** While calls are open somebody must be there. */
  const watch = (): void => {
    watching = undefined
    if (calls.size === 0) return
    if (seen) asked = false
    else if (asked) return fail('no sign of life')
    else {
      asked = true
      writer.first({ call: 0, kind: { $case: 'ping', value: true } })
    }
    seen = false
    watching = setTimeout(watch, quietMs).unref()
  }

  const release = (id: number): void => {
    if (calls.delete(id) && calls.size === 0) idle()
  }
  const receive = ({ call: id, kind }: Frame): void => {
    if (kind === undefined) return
    if (id === 0) {
      if (kind.$case === 'leaving') turn('leaving', kind.value)
      return
    }
    const call = calls.get(id)
    // It was cancelled, and the other side does not know yet.
    if (call === undefined) return
    const over = kind.$case === 'last' || kind.$case === 'end'
    if (over) release(id)
    call.receive(kind)
    if (over) call.close(cancelled)
  }
  const receiveBatch = (batch: Buffer): void => {
    seen = true
    traffic.received += batch.length
    try {
      for (const frame of decodeBatch(batch)) receive(frame)
    } catch (fault) {
      fail((fault as Error).message)
    }
  }

  const open = (token: string): ClientDuplexStream<Buffer, Buffer> => {
    const metadata = new Metadata()
    metadata.set(identityHeader, token)
    const same = (bytes: Buffer): Buffer => bytes
    const begun = client.makeBidiStreamRequest(path, same, same, metadata)
    let status: StatusObject | undefined
    begun.on('metadata', (initial: Metadata) => {
      clearTimeout(connecting)
      http = initial.get(httpMetadata).length > 0
      turn('ready')
    })
    begun.on('data', receiveBatch)
    // How it ended is in the status.
    begun.on('error', () => undefined)
    begun.on('status', (final: StatusObject) => (status = final))
    begun.on('end', () => {
      const { code = grpcStatus.UNKNOWN, details = '' } = status ?? {}
      // A server ends a link once it has answered every call it had begun.
      if (code === grpcStatus.OK) finish('closed', unavailable('the server has left', true))
      else finish(code === grpcStatus.UNIMPLEMENTED ? 'unsupported' : 'closed', unavailable(details))
    })
    return begun
  }
  identity().then(
    (token) => {
      if (state === 'connecting') stream = open(token)
    },
    (fault: Error) => fail(fault.message),
  )

  return {
    state: () => state,
    calls: () => calls.size,
    carriesHttp: () => http,
    traffic: () => traffic,
    open: ({ method, identity, ...rest }, onChange) => {
      if ((state !== 'ready' && state !== 'leaving') || calls.size >= maxOpenCalls || nextCall >= lastCall)
        return undefined
      const id = nextCall++
      if (nextCall === lastCall) turn('leaving', true)
      const call = createLinkCall(id, writer, onChange)
      const slots = { method: slotOf(method), identity: slotOf(identity) }
      calls.set(id, call)
      writer.first({ call: id, kind: { $case: 'open', value: { ...slots, ...rest } } })
      if (watching === undefined) {
        ;[seen, asked] = [true, false]
        watching = setTimeout(watch, quietMs).unref()
      }
      return {
        ...call,
        cancel: () => {
          if (!calls.has(id)) return
          release(id)
          call.cancel()
          call.close(cancelled)
        },
      }
    },
    close: () => fail('closed'),
  }
}
