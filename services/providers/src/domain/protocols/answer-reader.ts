/**
 * From bytes to an answer: UTF-8, server-sent events (WHATWG HTML, section 9.2) and one wire's decoder. The first
 * character decides what the body is, not the content type: servers answer stream requests with plain JSON (mostly
 * errors) and label either as the other.
 */
import { StringDecoder } from 'node:string_decoder'
import { createParser } from 'eventsource-parser'
import { cutOff, failureOfBody, isErrorBody, UpstreamFailure } from './failure.ts'
import { isObject, parseJson } from './json.ts'
import type { Answer, Decoder } from './wire.ts'

/** Longest single event, characters: a tool call may come as one. */
const eventLimit = 4 * 1024 * 1024
export const defaultAnswerLimitBytes = 32 * 1024 * 1024

export interface AnswerReader {
  /** Takes the next piece of the body; true once the answer is complete. @throws UpstreamFailure */
  feed(piece: Buffer): boolean
  /** Whether a first event, or anything of a whole answer, has come. */
  started(): boolean
  /** The answer, once the body has ended or `feed` said so. @throws UpstreamFailure unless it is complete */
  end(): Answer
}

const wholeAnswer = (text: string, decoder: Decoder): Answer => {
  const body = parseJson(text.trim())
  if (isErrorBody(Array.isArray(body) ? body[0] : body)) throw failureOfBody(body)
  if (!isObject(body)) throw cutOff('answer is not a JSON object')
  decoder.whole(body)
  return decoder.answer()
}

/** A reader of one answer body of at most `limitBytes`. */
export const createAnswerReader = (decoder: Decoder, limitBytes: number = defaultAnswerLimitBytes): AnswerReader => {
  const utf8 = new StringDecoder('utf8')
  let mode: 'unknown' | 'events' | 'whole' = 'unknown'
  let whole = ''
  let bytes = 0
  let started = false
  let complete = false
  const parser = createParser({
    maxBufferSize: eventLimit,
    onEvent: ({ data, event }) => {
      if (complete) return
      started = true
      complete = decoder.event(data, event)
    },
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') throw cutOff('event too large')
    },
  })

  const take = (text: string): void => {
    if (mode === 'events') return parser.feed(text)
    whole += text
    if (mode === 'whole') return
    const first = /\S/.exec(whole)?.[0]
    if (first === undefined) return
    if (first === '<') throw new UpstreamFailure('failed', 'answered with a web page')
    mode = first === '{' || first === '[' ? 'whole' : 'events'
    if (mode === 'whole') return
    parser.feed(whole)
    whole = ''
  }

  return {
    feed(piece) {
      bytes += piece.length
      if (bytes > limitBytes) throw new UpstreamFailure('failed', `answer larger than ${limitBytes} bytes`)
      take(utf8.write(piece))
      return complete
    },
    started: () => started || mode === 'whole',
    end() {
      if (complete) return decoder.answer()
      take(utf8.end())
      if (mode === 'whole') return wholeAnswer(whole, decoder)
      // Some servers leave out the blank line after their last event.
      parser.feed('\n\n')
      return decoder.answer()
    },
  }
}
