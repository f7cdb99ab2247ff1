/** A run as server-sent events, in the words of whichever protocol its client speaks. */
import { toMeshError, type MeshError } from '@clawmesh/contracts'
import { eventStream, streamed, type EventStream, type Reply } from '@clawmesh/chassis'
import type { RunObserver, RunResult, ToolCallPiece } from '../runs/types.ts'

export interface EventFrame {
  data: string
  /** The name of the event, for protocols that give them one. */
  event?: string
}

/** Writes one run. Each function gives the frames that say it. */
export interface RunWriter {
  open: () => readonly EventFrame[]
  text: (delta: string) => readonly EventFrame[]
  /** What the model thinks, for protocols that show it. */
  thinking?: (delta: string) => readonly EventFrame[]
  toolCall: (piece: ToolCallPiece) => readonly EventFrame[]
  /** Tools of the agent are called. */
  busy?: () => readonly EventFrame[]
  end: (result: RunResult) => readonly EventFrame[]
  /** The run failed after its stream had been opened. */
  fail: (error: MeshError) => readonly EventFrame[]
}

/** Streams a run. One that fails before its first sign of life is answered with its own status. */
export const streamRun = (
  run: (observer: RunObserver) => Promise<RunResult>,
  writerOf: (runId: string) => RunWriter,
  headers: Readonly<Record<string, string>> = {},
): Reply<never, never> =>
  streamed(async (response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    let events: EventStream | undefined
    let writer: RunWriter | undefined
    // One after the other, as not all who tell of a run wait for their frames to leave.
    let sent = Promise.resolve()
    const send = (frames: readonly EventFrame[]): Promise<void> => {
      sent = sent.then(async () => {
        for (const { data, event } of frames) await events!.send(data, event)
      })
      return sent
    }
    const open = (): RunWriter => {
      if (events === undefined) {
        events = eventStream(response)
        void send(writer!.open())
      }
      return writer!
    }
    try {
      const result = await run({
        started: (runId) => {
          writer = writerOf(runId)
        },
        text: (delta) => send(open().text(delta)),
        // What is not shown is no sign of life.
        thinking: (delta) => (writer!.thinking === undefined ? undefined : send(open().thinking!(delta))),
        toolCall: (piece) => send(open().toolCall(piece)),
        busy: () => void send(open().busy?.() ?? []),
      })
      await send(open().end(result))
      events!.end()
    } catch (thrown) {
      if (events === undefined) throw thrown
      await send(writer!.fail(toMeshError(thrown)))
      events.end()
    }
  })
