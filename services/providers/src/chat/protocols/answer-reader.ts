/**
 * From bytes to an answer: UTF-8, server-sent events (WHATWG HTML, section 9.2) and one wire's decoder. The first
 * character decides what the body is, not the content type: servers answer stream requests with plain JSON (mostly
 * errors) and label either as the other.
 */
import { StringDecoder } from 'node:string_decoder'
import { createParser } from 'eventsource-parser'
import { jsonExcess } from '@clawmesh/chassis'
import { boundedText } from './bounds.ts'
import { cutOff, failureOfBody, UpstreamFailure } from './failure.ts'
import { isObject, jsonLimits, parseJson } from './json.ts'
import { isErrorBody } from './vendor-error.ts'
import type { Answer, Decoder } from './protocol.ts'

/** Longest single event, characters: a tool call may come as one. */
const eventLimit = 4 * 1024 * 1024
export const defaultAnswerLimitBytes = 32 * 1024 * 1024

export interface AnswerReader {
  /** Takes the next piece of the body; true once the answer is complete. @throws UpstreamFailure */
  feed(piece: Buffer): boolean
  /** Whether a first event, or anything of a whole answer, has come. */
  started(): boolean
  /** Characters that `end` has to parse: of an answer that is no stream. */
  wholeLength(): number
  /** The answer, once the body has ended or `feed` said so. @throws UpstreamFailure unless it is complete */
  end(): Answer
}

const excess = { depth: 'nested deeper', values: 'of more values', keys: 'of more keys' }

const wholeAnswer = (text: string, decoder: Decoder): Answer => {
  const exceeded = jsonExcess(text, jsonLimits)
  if (exceeded !== undefined)
    throw new UpstreamFailure('failed', `answer ${excess[exceeded]} than ${jsonLimits[exceeded]}`)
  const body = parseJson(text.trim())
  if (isErrorBody(Array.isArray(body) ? body[0] : body)) throw failureOfBody(body)
  if (!isObject(body)) throw cutOff('answer is not a JSON object')
  decoder.whole(body)
  return decoder.answer()
}

const isBlank = (unit: number): boolean => unit <= 0x20 || unit === 0xfeff

/** Takes away blanks and comment lines that keep a connection alive before the answer begins. */
const createPreamble = (): ((piece: string) => string) => {
  let inComment = false
  return (piece) => {
    for (let at = 0; at < piece.length; at++) {
      const unit = piece.charCodeAt(at)
      if (inComment) inComment = unit !== 0x0a && unit !== 0x0d
      else if (unit === 0x3a) inComment = true
      else if (!isBlank(unit)) return piece.slice(at)
    }
    return ''
  }
}

/** How much of a body without any event is told, characters. */
const longestQuote = 200

/** A reader of one answer body of at most `limitBytes`. */
export const createAnswerReader = (decoder: Decoder, limitBytes: number = defaultAnswerLimitBytes): AnswerReader => {
  const utf8 = new StringDecoder('utf8')
  let mode: 'unknown' | 'events' | 'whole' = 'unknown'
  const afterPreamble = createPreamble()
  let whole = ''
  let beginning = ''
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
    if (mode === 'unknown') {
      const rest = afterPreamble(text)
      if (rest === '') return
      if (rest.startsWith('<')) throw new UpstreamFailure('failed', 'answered with a web page')
      mode = rest.startsWith('{') || rest.startsWith('[') ? 'whole' : 'events'
      take(rest)
    } else if (mode === 'whole') whole += text
    else {
      if (beginning.length < longestQuote) beginning += text.slice(0, longestQuote)
      parser.feed(text)
    }
  }

  return {
    feed(piece) {
      bytes += piece.length
      if (bytes > limitBytes) throw new UpstreamFailure('failed', `answer larger than ${limitBytes} bytes`)
      take(utf8.write(piece))
      return complete
    },
    started: () => started || mode === 'whole',
    wholeLength: () => whole.length,
    end() {
      if (complete) return decoder.answer()
      take(utf8.end())
      if (mode === 'whole') return wholeAnswer(whole, decoder)
      // Some servers leave out the blank line after their last event.
      parser.feed('\n\n')
      if (!started && beginning !== '')
        throw new UpstreamFailure(
          'failed',
          `answer is neither JSON nor a stream of events: ${boundedText(beginning, longestQuote)}`,
        )
      return decoder.answer()
    },
  }
}
