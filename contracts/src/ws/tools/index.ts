export { browser } from './browser.ts'
