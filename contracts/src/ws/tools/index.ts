export { browser } from './browser.ts'
export { execApprovals } from './exec-approvals.ts'
export { mcpElicitations } from './mcp-elicitations.ts'
export { tts } from './tts.ts'
