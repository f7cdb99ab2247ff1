/** What vendors answer as text that stands for bytes. */
import { cutOff } from '../../chat/protocols/failure.ts'
import { textOf } from '../../chat/protocols/json.ts'

/** @throws UpstreamFailure where there are none */
export const bytesOf = (encoded: unknown, encoding: 'base64' | 'hex'): Buffer => {
  const bytes = Buffer.from(textOf(encoded), encoding)
  if (bytes.length === 0) throw cutOff('an answer without what was to be made')
  return bytes
}
