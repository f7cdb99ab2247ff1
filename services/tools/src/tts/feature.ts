/** Texts that are spoken: for agents as a tool, for people over WebSocket. */
import { storedSystemConfigsOf, systemConfigsOf, type Feature, type Mesh } from '@clawmesh/chassis'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import type { CallScope } from '../invoke/types.ts'
import type { PortMakers } from '../tool/ports.ts'
import { createTtsUseCases } from './use-cases.ts'
import { vendorsOf, type TtsConfig } from './vendors/table.ts'
import { createTtsWs } from './ws.ts'

/** @param allow private hosts and ranges that the operator opens */
export const createTts = (mesh: Mesh, config: TtsConfig, allow: readonly string[]) => {
  const identity = mesh.client(IdentityServiceService)
  const log = mesh.log.child({ service: 'tools', part: 'tts' })
  const tts = createTtsUseCases({
    config,
    vendors: vendorsOf(config),
    storedOf: storedSystemConfigsOf(mesh),
    knownOf: systemConfigsOf(mesh),
    set: (call, key, value) => identity.setSystemConfig(call, { key, value }),
    out: { allow },
    onFailure: (vendor, err) => log.warn({ err, vendor }, 'tts: a provider did not speak'),
  })
  return {
    ws: createTtsWs(tts),
    isReady: tts.isReady,
    ports: {
      ttsProvider: ({ call }) =>
        tts.isReady ? { speak: (request, signal) => tts.speak({ ...call, signal }, request) } : undefined,
    } satisfies PortMakers<CallScope>,
  } satisfies Feature & Record<string, unknown>
}
