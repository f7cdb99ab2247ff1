/** What vendors answer as base64. */
import { cutOff } from '../../chat/protocols/failure.ts'
import { textOf } from '../../chat/protocols/json.ts'

/** @throws UpstreamFailure where there are none */
export const bytesOf = (encoded: unknown): Buffer => {
  const bytes = Buffer.from(textOf(encoded), 'base64')
  if (bytes.length === 0) throw cutOff('an answer without what was to be made')
  return bytes
}
