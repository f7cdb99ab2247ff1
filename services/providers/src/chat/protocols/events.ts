/** One server-sent event of an answer, as both protocols read it. */
import { cutOff, failureOfBody } from './failure.ts'
import { isObject, parseJson, type Json } from './json.ts'
import { isErrorBody } from './vendor-error.ts'

/**
 * The JSON object of an event; undefined for what only keeps the connection alive: empty data, `ping`, `OPENROUTER
 * PROCESSING`, `null`. What begins as JSON and is none was garbled, and an answer with a hole is no answer.
 * @throws UpstreamFailure for an error event, and for garbled JSON
 */
export const readEvent = (data: string, name: string | undefined): Json | undefined => {
  const text = data.trim()
  const isJson = text.startsWith('{') || text.startsWith('[')
  if (!isJson) {
    if (name === 'error') throw failureOfBody({ error: text })
    return undefined
  }
  const body = parseJson(text)
  if (name === 'error' || isErrorBody(Array.isArray(body) ? body[0] : body)) throw failureOfBody(body)
  if (!isObject(body)) throw cutOff('event is not a JSON object')
  return body
}
