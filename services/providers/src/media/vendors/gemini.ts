/** Images and videos of Gemini. Source: Gemini API reference, "Image generation" and "Generate videos with Veo". */
import { cutOff, UpstreamFailure } from '../../chat/protocols/failure.ts'
import { settleFinish } from '../../chat/protocols/finish.ts'
import { geminiParts } from '../../chat/protocols/gemini/decoder.ts'
import { geminiEndpoint, geminiHeaders } from '../../chat/protocols/gemini/request.ts'
import { listOf, objectOf, textOf } from '../../chat/protocols/json.ts'
import type { Maker } from '../types.ts'
import { bytesOf } from './bytes.ts'

const pathOf = (model: string, action: string): string => `/models/${encodeURIComponent(model)}:${action}`

export const geminiImage: Maker = async ({ target, ask }, { model, prompt, aspectRatio, params }) => {
  const answer = await ask({
    method: 'POST',
    url: geminiEndpoint(target, pathOf(model, 'generateContent')),
    headers: geminiHeaders(target),
    body: {
      contents: [{ role: 'user', parts: [{ text: prompt }] }],
      generationConfig: {
        responseModalities: ['TEXT', 'IMAGE'],
        ...(aspectRatio === '' ? {} : { imageConfig: { aspectRatio } }),
        ...params,
      },
    },
  })
  const { parts, finish } = geminiParts(answer)
  settleFinish(finish || 'STOP', false)
  const image = parts.map(({ inlineData }) => objectOf(inlineData)).find((data) => data !== undefined)
  return bytesOf(image?.['data'])
}

/** The name of a job is put into an address. */
const isName = (name: string): boolean => /^models\/[\w.-]{1,100}\/operations\/[\w.-]{1,200}$/.test(name)

export const geminiVideo: Maker = async (client, { model, prompt, aspectRatio, durationS, params }) => {
  const { target, ask, poll, download } = client
  const headers = geminiHeaders(target)
  const job = await ask({
    method: 'POST',
    url: geminiEndpoint(target, pathOf(model, 'predictLongRunning')),
    headers,
    body: {
      instances: [{ prompt }],
      parameters: {
        ...(aspectRatio === '' ? {} : { aspectRatio }),
        ...(durationS === 0 ? {} : { durationSeconds: durationS }),
        ...params,
      },
    },
  })
  const name = textOf(job['name'])
  if (!isName(name)) throw cutOff('a job without a name')
  const uri = await poll({ method: 'GET', url: geminiEndpoint(target, `/${name}`), headers }, ({ done, response }) => {
    if (done !== true) return undefined
    const made = objectOf(objectOf(response)?.['generateVideoResponse'])
    const filtered = textOf(listOf(made?.['raiMediaFilteredReasons'])[0])
    if (filtered !== '') throw new UpstreamFailure('rejected', `withheld by the provider: ${filtered.slice(0, 200)}`)
    return textOf(objectOf(objectOf(listOf(made?.['generatedSamples'])[0])?.['video'])?.['uri'])
  })
  return download(uri, headers)
}
