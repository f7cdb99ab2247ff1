export { modelPricingMethods as modelPricing } from './model-pricing.ts'
export { usage } from './usage.ts'
export { usageCaps } from './usage-caps.ts'
