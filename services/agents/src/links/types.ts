/** What the agents service knows of a link between agents. */
import type { ws } from '@clawmesh/contracts'
import type { RequestShape, ResponseShape } from '@clawmesh/chassis'

type Methods = typeof ws.agentLinks.methods

export type AgentLink = ResponseShape<Methods['agents.links.list']['result']>['links'][number]
export type LinkSide = RequestShape<Methods['agents.links.list']['params']>['direction']
export type NewLink = Omit<RequestShape<Methods['agents.links.create']['params']>, 'sourceAgent' | 'targetAgent'>
export type LinkChanges = Omit<RequestShape<Methods['agents.links.update']['params']>, 'linkId'>
