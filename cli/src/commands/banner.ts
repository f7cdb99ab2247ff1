import { isOpenToAll } from '@clawmesh/gateway'

/** What someone curious reads after the first start. */
interface BannerParts {
  config: { token: string; host: string }
  port: number
  readyMs: number
}

const whoMayCall = (config: BannerParts['config']): string => {
  if (config.token !== '') return 'Requests need GOCLAW_GATEWAY_TOKEN or an API key.'
  if (isOpenToAll(config))
    return `WARNING: no GOCLAW_GATEWAY_TOKEN is set and ${config.host} can be reached by others: EVERYBODY WHO CONNECTS OWNS THIS SYSTEM.`
  return 'No GOCLAW_GATEWAY_TOKEN is set: single-user mode, every request owns the system, only this machine can connect.'
}

/** URL, token mode and one command to paste. */
export const renderBanner = ({ config, port, readyMs }: BannerParts): string => {
  const url = `http://127.0.0.1:${port}`
  const auth =
    config.token === '' ? '' : `  -H "Authorization: Bearer $GOCLAW_GATEWAY_TOKEN" -H 'X-GoClaw-User-Id: me' \\\n`
  return `
Clawmesh is ready (${(readyMs / 1000).toFixed(1)} s): ${url}   API: ${url}/docs
${whoMayCall(config)}
The mock provider answers until you add a real one (POST /v1/providers). Talk to the default agent:

curl -N ${url}/v1/chat/completions -H 'content-type: application/json' \\
${auth}  -d '{"model":"goclaw:default","stream":true,"messages":[{"role":"user","content":"Hello, who are you?"}]}'
`
}
