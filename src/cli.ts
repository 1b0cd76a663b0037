import './start/keep-inspector-shut.js';
import { enter } from './start/entry.js';

enter(async () => {
  const { main } = await import('./cli/main.js');
  await main();
});
