import { implementWs } from '@clawmesh/chassis'
import { ws } from '@clawmesh/contracts'
import type { Heartbeat } from './types.ts'
import type { HeartbeatUseCases } from './use-cases.ts'

/** Texts that are empty are left out, as nulls are. */
const shown = (heartbeat: Heartbeat) => ({
  ...heartbeat,
  prompt: heartbeat.prompt || undefined,
  providerName: heartbeat.providerName || undefined,
  model: heartbeat.model || undefined,
  activeHoursStart: heartbeat.activeHoursStart || undefined,
  activeHoursEnd: heartbeat.activeHoursEnd || undefined,
  channel: heartbeat.channel || undefined,
  chatId: heartbeat.chatId || undefined,
  nextRunAt: heartbeat.nextRunAt ?? undefined,
  lastRunAt: heartbeat.lastRunAt ?? undefined,
  lastStatus: heartbeat.lastStatus ?? undefined,
  lastError: heartbeat.lastError ?? undefined,
})

export const createHeartbeatWs = (heartbeats: HeartbeatUseCases) =>
  implementWs(ws.heartbeats)({
    'heartbeat.get': async ({ caller, params }) => {
      const heartbeat = await heartbeats.get(caller, params.agentId)
      return { heartbeat: heartbeat === undefined ? null : shown(heartbeat) }
    },
    'heartbeat.set': async ({ call, params: { agentId, ...input } }) => ({
      heartbeat: shown(await heartbeats.set(call, agentId, input)),
    }),
    'heartbeat.toggle': async ({ call, params }) => {
      const { agentId, enabled } = await heartbeats.toggle(call, params.agentId, params.enabled)
      return { agentId, enabled }
    },
    'heartbeat.test': async ({ call, params }) => {
      await heartbeats.test(call, params.agentId)
      return { ok: true }
    },
    'heartbeat.logs': async ({ caller, params: { agentId, ...page } }) => {
      const { logs, total } = await heartbeats.logs(caller, agentId, page)
      return {
        logs: logs.map(({ summary, error, skipReason, ...run }) => ({
          ...run,
          summary: summary ?? undefined,
          error: error ?? undefined,
          skipReason: skipReason ?? undefined,
        })),
        total,
      }
    },
    'heartbeat.checklist.get': async ({ caller, params }) => ({
      content: await heartbeats.checklist(caller, params.agentId),
    }),
    'heartbeat.checklist.set': async ({ call, params: { agentId, content } }) => {
      await heartbeats.setChecklist(call, agentId, content)
      return { ok: true, length: [...content].length }
    },
    'heartbeat.targets': async ({ caller }) => ({
      targets: (await heartbeats.targets(caller)).map(({ title, ...target }) => ({
        ...target,
        title: title || undefined,
      })),
    }),
  })
