import { budgetTests } from './scenarios/budgets-suite.ts'

budgetTests({ runs: 200, budget: 50, replicas: { gateways: 3, agents: 3, together: 3 } })
