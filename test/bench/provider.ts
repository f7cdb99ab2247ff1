import type { Api } from '../support/mesh-api.ts'

/** Makes the benchmark's upstream a provider, `bench`. */
export const addBenchProvider = (api: Api, upstreamOrigin: string): Promise<unknown> =>
  api.need('POST', '/v1/providers', {
    name: 'bench',
    provider_type: 'openai_compat',
    api_base: `${upstreamOrigin}/v1`,
    api_key: 'sk-bench',
  })
