export { browser } from './browser.ts'
export { execApprovals } from './exec-approvals.ts'
export { tts } from './tts.ts'
