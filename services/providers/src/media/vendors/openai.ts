/** Images of OpenAI. Source: OpenAI API reference, "Create image". */
import { listOf, objectOf, textOf } from '../../chat/protocols/json.ts'
import { openAiHeaders } from '../../chat/protocols/openai/request.ts'
import { endpoint } from '../../providers/connection.ts'
import type { Maker } from '../types.ts'
import { bytesOf } from './bytes.ts'

const isTall = (ratio: string): boolean => ratio === '9:16' || ratio === '3:4'

/** The nearest size that the models have. */
const sizeOf = (ratio: string, isDallE: boolean): string => {
  if (ratio === '' || ratio === '1:1') return '1024x1024'
  const long = isDallE ? 1792 : 1536
  return isTall(ratio) ? `1024x${long}` : `${long}x1024`
}

export const openAiImage: Maker = async ({ target, ask, download }, { model, prompt, aspectRatio, params }) => {
  const isDallE = model.startsWith('dall-e')
  const answer = await ask({
    method: 'POST',
    url: endpoint(target.base, '/images/generations'),
    headers: openAiHeaders(target),
    body: {
      model,
      prompt,
      n: 1,
      size: sizeOf(aspectRatio, isDallE),
      // The others know no other form, and refuse to be asked.
      ...(isDallE ? { response_format: 'b64_json' } : {}),
      ...params,
    },
  })
  const image = objectOf(listOf(answer['data'])[0])
  const url = textOf(image?.['url'])
  return url === '' ? bytesOf(image?.['b64_json']) : download(url)
}
