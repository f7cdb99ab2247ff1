/** Images and videos of OpenRouter. Source: OpenRouter API reference, "Image Generation" and "Video Generation". */
import { cutOff, UpstreamFailure } from '../../chat/protocols/failure.ts'
import { listOf, objectOf, textOf } from '../../chat/protocols/json.ts'
import { openAiHeaders } from '../../chat/protocols/openai/request.ts'
import { endpoint } from '../../providers/connection.ts'
import type { Maker } from '../types.ts'
import { bytesOf } from './bytes.ts'

export const openRouterImage: Maker = async ({ target, ask, download }, { model, prompt, aspectRatio, params }) => {
  const answer = await ask({
    method: 'POST',
    url: endpoint(target.base, '/chat/completions'),
    headers: openAiHeaders(target),
    body: {
      model,
      messages: [{ role: 'user', content: prompt }],
      modalities: ['image', 'text'],
      ...(aspectRatio === '' ? {} : { image_config: { aspect_ratio: aspectRatio } }),
      ...params,
    },
  })
  const message = objectOf(objectOf(listOf(answer['choices'])[0])?.['message'])
  const image = objectOf(objectOf(listOf(message?.['images'])[0])?.['image_url'])
  const url = textOf(image?.['url'])
  if (!url.startsWith('data:')) return download(url)
  return bytesOf(url.slice(url.indexOf(',') + 1))
}

const ends: ReadonlySet<string> = new Set(['failed', 'cancelled', 'expired'])

export const openRouterVideo: Maker = async (client, { model, prompt, aspectRatio, durationS, params }) => {
  const { target, ask, poll, download } = client
  const headers = openAiHeaders(target)
  const { id } = await ask({
    method: 'POST',
    url: endpoint(target.base, '/videos'),
    headers,
    body: {
      model,
      prompt,
      ...(durationS === 0 ? {} : { duration: durationS }),
      ...(aspectRatio === '' ? {} : { aspect_ratio: aspectRatio }),
      ...params,
    },
  })
  if (textOf(id) === '') throw cutOff('a job without an id')
  const url = endpoint(target.base, `/videos/${encodeURIComponent(textOf(id))}`)
  const made = await poll({ method: 'GET', url, headers }, (job) => {
    const status = textOf(job['status'])
    if (ends.has(status)) throw new UpstreamFailure('failed', `the job ended as ${status}`)
    return status === 'completed' ? textOf(listOf(job['unsigned_urls'])[0]) : undefined
  })
  return download(made, headers)
}
