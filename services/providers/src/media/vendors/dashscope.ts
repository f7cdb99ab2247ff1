/** Images of DashScope (Alibaba Cloud Model Studio). Source: its API reference, "Wan text-to-image V2". */
import { listOf, objectOf, textOf } from '../../chat/protocols/json.ts'
import { openAiHeaders } from '../../chat/protocols/openai/request.ts'
import { endpoint, type Target } from '../../providers/connection.ts'
import type { Maker } from '../types.ts'

const sizes: Readonly<Record<string, string>> = {
  '1:1': '1280*1280',
  '3:4': '1104*1472',
  '4:3': '1472*1104',
  '9:16': '960*1696',
  '16:9': '1696*960',
}

/** Its own API stands beside its OpenAI surface. */
const addressOf = ({ base }: Target): URL =>
  endpoint(base.replace(/\/compatible-mode\/v1$/, ''), '/api/v1/services/aigc/multimodal-generation/generation')

export const dashscopeImage: Maker = async ({ target, ask, download }, { model, prompt, aspectRatio, params }) => {
  const answer = await ask({
    method: 'POST',
    url: addressOf(target),
    headers: openAiHeaders(target),
    body: {
      model,
      input: { messages: [{ role: 'user', content: [{ text: prompt }] }] },
      parameters: { n: 1, size: sizes[aspectRatio] ?? sizes['1:1'], watermark: false, ...params },
    },
  })
  const message = objectOf(objectOf(listOf(objectOf(answer['output'])?.['choices'])[0])?.['message'])
  return download(textOf(objectOf(listOf(message?.['content'])[0])?.['image']))
}
