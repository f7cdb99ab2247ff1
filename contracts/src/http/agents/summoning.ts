import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'
import { agentParams, agentStatuses } from './agents.ts'

const accepted = z.object({ ok: z.literal('true'), status: z.literal('summoning') })
const ownership =
  'Only admins who own the agent, or a system owner, may do it; without a user id the role alone decides'
const oneAtATime = 'An agent that is being summoned is answered 409'

export const summoning = defineHttpTable('agents', {
  regenerateAgent: {
    method: 'POST',
    path: '/v1/agents/{id}/regenerate',
    role: 'admin',
    ownerOnly: true,
    summary: 'Have a model change the context files of an agent as asked',
    rules: {
      requiresOwnership: ownership,
      runsInBackground:
        'The agent is `summoning` at once; the model gets SOUL.md, IDENTITY.md and USER_PREDEFINED.md and the prompt, and only files that it gives are replaced',
      tellsTheTruth:
        'It ends `active`, or `summon_failed` where the model failed or gave nothing that can be read, and then no file has changed',
      requiresPrompt: 'Without a prompt it is answered 400',
      oneAtATime,
      isAudited: 'It is an event and an entry of the audit log, agent.regenerated',
    },
    params: agentParams,
    body: z.object({ prompt: z.string().trim().min(1).max(20_000).describe('What is to become different') }),
    response: { 202: accepted },
    errors: [404, 409],
  },
  resummonAgent: {
    method: 'POST',
    path: '/v1/agents/{id}/resummon',
    role: 'admin',
    ownerOnly: true,
    summary: 'Have a model write the context files of an agent from its description, once more',
    rules: {
      requiresOwnership: ownership,
      keepsWhatIsWritten: 'Files that are no longer as their template are kept',
      mendsFailures:
        'Whatever went wrong before, a summoning that succeeds leaves an active agent with files, frontmatter and the name of its IDENTITY.md',
      takesSlowModels: 'A model that is too slow for all files at once is asked for fewer at a time',
      requiresDescription: 'An agent without `other_config.description` is answered 400',
      survivesRestarts: 'A summoning whose process ended is begun again by another, or by the next one',
      tellsSteps:
        'Admins and the owner of the agent hear of it over the WebSocket as `agent.summoning`: started, each file_generated, completed or failed',
      oneAtATime,
      isAudited: 'It is an event and an entry of the audit log, agent.resummoned',
    },
    params: agentParams,
    response: { 202: accepted },
    errors: [404, 409],
  },
  cancelAgentSummoning: {
    method: 'POST',
    path: '/v1/agents/{id}/cancel-summon',
    role: 'admin',
    ownerOnly: true,
    summary: 'Stop the summoning of an agent',
    rules: {
      requiresOwnership: ownership,
      leavesAnActiveAgent: 'The agent is active with the files that it has, and what the model still says is dropped',
      isFineWhenOver: 'An agent that is not being summoned is answered with its status, and stays as it is',
      isAudited: 'It is an event and an entry of the audit log, agent.summon_cancelled',
    },
    params: agentParams,
    response: { 200: z.object({ ok: z.literal('true'), status: z.enum(agentStatuses) }) },
    errors: [404],
  },
})
