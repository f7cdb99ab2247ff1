/**
 * Streams that their clients may lose and take up again. Every frame has the run and how much of its text was sent by then
 * as its id; a client that comes back with the last id it saw is sent what follows it, by whichever replica. The run goes on
 * meanwhile for a grace period.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { endsRun, MeshError, type RunEvent } from '@clawmesh/contracts'
import {
  detached,
  eventStream,
  streamed,
  throwIfGone,
  type Call,
  type EventStream,
  type Reply,
} from '@clawmesh/chassis'
import type { FollowRun } from '../runs/follow.ts'
import type { RunResult, RunRows } from '../runs/types.ts'
import { seesAllSessions } from '../sessions/access.ts'
import type { ForeignRequest } from './foreign-request.ts'
import type { RunForeign } from './foreign-runs.ts'
import type { EventFrame, RunWriter } from './run-stream.ts'

const idPattern = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/(\d{1,9})$/i

/** What a client asks for: a stream that can be taken up again, or what follows a frame of one. */
export type Resumption = { runId: string; offset: number } | 'begin'

/** What the headers of a request say of resumption; undefined is an ordinary stream. @throws INVALID_REQUEST */
export const resumptionOf = (headers: IncomingMessage['headers']): Resumption | undefined => {
  const last = headers['last-event-id']
  if (last === undefined) return headers['x-clawmesh-resumable'] === 'true' ? 'begin' : undefined
  const [, runId, offset] = idPattern.exec(String(last)) ?? []
  if (runId === undefined)
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
      field: 'Last-Event-ID',
      reason: 'no id of a frame',
    })
  return { runId: runId.toLowerCase(), offset: Number(offset) }
}

interface Parts {
  runForeign: RunForeign
  follow: FollowRun
  rows: Pick<RunRows, 'outcome'>
  graceMs: number
}

const nothingCalled = { thinking: '', finishReason: 'stop', toolCalls: [], media: [], usage: undefined } as const

/** Writes a run from a place in its text on, and opens the stream at the first sign of life after that. */
const createPlacedWriter = (writer: RunWriter, runId: string, offset: number, begin: () => EventStream) => {
  let events: EventStream | undefined
  /** Characters of the text so far, sent or skipped. */
  let place = 0
  const send = async (frames: readonly EventFrame[]) => {
    for (const { data, event } of frames) await events!.send(data, event, `${runId}/${Math.max(place, offset)}`)
  }
  const open = async () => {
    if (events !== undefined) return
    events = begin()
    if (offset === 0) await send(writer.open())
  }
  return {
    isOpen: () => events !== undefined,
    place: () => place,
    open,
    text: async (content: string) => {
      const unseen = content.slice(Math.max(0, offset - place))
      // The frames that open the stream come before this text.
      if (unseen !== '') await open()
      place += content.length
      if (unseen !== '') await send(writer.text(unseen))
    },
    end: async (result: RunResult) => {
      await open()
      await send(writer.end(result))
      events!.end()
    },
    fail: async (error: MeshError) => {
      await open()
      await send(writer.fail(error))
      events!.end()
    },
  }
}

export const createResumable = ({ runForeign, follow, rows, graceMs }: Parts) => {
  /** Begins a run that outlives its client. @throws what refuses it, or ends it before it has begun */
  const begin = async (call: Call, request: ForeignRequest) => {
    if (request.clientTools !== undefined)
      throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
        field: 'tools',
        reason: 'a stream that can be resumed takes no tools of the client',
      })
    const runId = randomUUID()
    const begun = Promise.withResolvers<void>()
    const ran = runForeign(
      detached(call),
      { ...request, runId, keepsText: true, graceMs },
      { started: () => begun.resolve() },
    )
    // Those who follow are told.
    ran.catch(() => undefined)
    await Promise.race([begun.promise, ran])
    return { runId, offset: 0, ran }
  }

  /** @throws NOT_FOUND for a run that is unknown, FORBIDDEN for somebody else's */
  const requireOwn = async ({ caller }: Call, runId: string): Promise<void> => {
    const run = await rows.outcome(caller.tenantId, runId)
    if (run === undefined) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'run', id: runId })
    if (run.userId !== caller.userId && !seesAllSessions(caller))
      throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'run' })
  }

  return async (
    call: Call,
    resumption: Resumption,
    request: ForeignRequest,
    writerOf: (runId: string) => RunWriter,
  ): Promise<Reply<never, never>> => {
    const { tenantId } = call.caller
    if (resumption !== 'begin') await requireOwn(call, resumption.runId)
    const { runId, offset, ran } =
      resumption === 'begin' ? await begin(call, request) : { ...resumption, ran: undefined }

    return streamed(async (response) => {
      const writer = createPlacedWriter(writerOf(runId), runId, offset, () => eventStream(response))
      /** Fails with a status where nothing was sent yet. */
      const fail = async (error: MeshError) => {
        if (!writer.isOpen()) throw error
        await writer.fail(error)
      }

      const show = async (event: RunEvent): Promise<void> => {
        if (event.type === 'chunk') return writer.text(event.content)
        if (event.type === 'activity' && event.phase === 'tool_exec') return writer.open()
        if (event.type === 'run.completed') {
          const { content, usage, finishReason = 'stop', media = [] } = event
          return writer.end({ ...nothingCalled, runId, content, usage, finishReason, media })
        }
        if (event.type !== 'run.failed' && event.type !== 'run.cancelled') return
        // The error itself, where it is at hand: its status is the answer's.
        await ran?.catch((error: unknown) => fail(error as MeshError))
        if (ran === undefined)
          await fail(event.type === 'run.failed' ? endError('failed', event.error) : endError('cancelled'))
      }

      let isOver = false
      for await (const event of follow(tenantId, runId, call.signal)) {
        await show(event)
        isOver = endsRun(event)
      }
      if (isOver) return
      throwIfGone(call.signal)
      // Nobody works on it any more: what came of it is stored.
      const outcome = await rows.outcome(tenantId, runId)
      if (outcome === undefined) return fail(new MeshError('NOT_FOUND', 'error.not_found', { kind: 'run', id: runId }))
      await writer.text(outcome.content.slice(writer.place()))
      if (outcome.status === 'completed') await writer.end({ runId, content: outcome.content, ...nothingCalled })
      else await fail(endError(outcome.status, outcome.error ?? ''))
    })
  }
}

/** The error of a run that ended without success, of which only the text is known. */
const endError = (status: string, reason = ''): MeshError =>
  status === 'cancelled'
    ? new MeshError('FAILED_PRECONDITION', 'error.run_failed', { reason: 'cancelled' })
    : new MeshError('UNAVAILABLE', 'error.run_failed', { reason })
