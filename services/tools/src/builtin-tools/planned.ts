/** Tools that clients of the contract know of and that nothing here runs yet. Each says what it waits for. */
import { planTool, type ToolName } from '../tool/define-tool.ts'

const skill = (name: ToolName, displayName: string, isOffered = false) =>
  planTool({ name, displayName, category: 'skills', groups: isOffered ? ['goclaw'] : [], needs: ['skills'] })

export const message = planTool({
  name: 'message',
  displayName: 'Send message',
  category: 'messaging',
  groups: ['messaging'],
  needs: ['channels'],
})

export const spawn = planTool({
  name: 'spawn',
  displayName: 'Spawn subagent',
  category: 'subagents',
  groups: ['sessions'],
  needs: ['subagents'],
  configHint: 'Config → Agents Defaults',
})

export const skillTools = [
  skill('skill_search', 'Search skills', true),
  skill('use_skill', 'Use skill'),
  skill('publish_skill', 'Publish skill'),
  skill('skill_manage', 'Manage skills'),
]

export const teamTasks = planTool({
  name: 'team_tasks',
  displayName: 'Team tasks',
  category: 'teams',
  groups: ['team'],
  needs: ['managed_mode', 'teams'],
})
