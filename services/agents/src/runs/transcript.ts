/** What a run has shown so far, for clients that were away meanwhile. */
import type { RunEvent } from '@clawmesh/contracts'

/** Beyond it the oldest events are forgotten, which a gap in their numbers shows. */
const keptBytes = 4_194_304
/** What one answer takes at least of, so that it fits a message of the bus. */
const pageBytes = 200_000

export interface TranscriptPage {
  events: RunEvent[]
  /** There are further ones. */
  more: boolean
}

export interface Transcript {
  record: (event: RunEvent) => void
  /** The events after one, by its number. */
  after: (seq: number) => TranscriptPage
  /** What the run is at. */
  activity: () => Activity | undefined
}

export interface Activity {
  phase: string
  iteration: number
  tool?: string | undefined
}

/** Roughly its bytes on the bus, at most. */
const sizeOf = (event: RunEvent): number =>
  event.type === 'chunk' || event.type === 'thinking'
    ? 3 * event.content.length + 500
    : Buffer.byteLength(JSON.stringify(event))

export const createTranscript = (): Transcript => {
  let events: { event: RunEvent; bytes: number }[] = []
  let bytes = 0
  let activity: Activity | undefined
  return {
    activity: () => activity,
    record: (event) => {
      if (event.type === 'activity')
        activity = { phase: event.phase, iteration: event.iteration, tool: event.tools?.[0] }
      const size = sizeOf(event)
      events.push({ event, bytes: size })
      bytes += size
      if (bytes <= keptBytes) return
      // A quarter at once, so that not each further event moves the whole list.
      let gone = 0
      while (bytes > keptBytes * 0.75 && gone < events.length - 1) bytes -= events[gone++]!.bytes
      events = events.slice(gone)
    },
    after: (seq) => {
      const page: RunEvent[] = []
      let size = 0
      for (const { event, bytes: own } of events) {
        if ((event.seq ?? 0) <= seq) continue
        if (size > 0 && size + own > pageBytes) return { events: page, more: true }
        page.push(event)
        size += own
      }
      return { events: page, more: false }
    },
  }
}
