import { ws } from '@clawmesh/contracts'
import { implementWs } from '@clawmesh/chassis'
import type { LinkUseCases } from './use-cases.ts'

export const createLinkWs = (links: LinkUseCases) =>
  implementWs(ws.agentLinks)({
    'agents.links.list': async ({ caller, params: { agentId, direction } }) => {
      const found = await links.list(caller, agentId, direction)
      return { links: found, count: found.length }
    },
    'agents.links.create': async ({ call, params: { sourceAgent: source, targetAgent: target, ...link } }) => ({
      link: await links.create(call, { source, target }, link),
    }),
    'agents.links.update': async ({ call, params: { linkId, ...changes } }) => {
      await links.update(call, linkId, changes)
      return { ok: true }
    },
    'agents.links.delete': async ({ call, params }) => {
      await links.remove(call, params.linkId)
      return { ok: true }
    },
  })
