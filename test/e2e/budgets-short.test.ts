/** The short form of test/faults/budgets.test.ts. */
import { budgetTests } from '../faults/scenarios/budgets-suite.ts'

budgetTests({ runs: 30, budget: 8, replicas: { together: 2 } })
