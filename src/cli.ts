import './keep-inspector-shut.js';
import { enter } from './entry.js';

enter(async () => {
  const { main } = await import('./cli/main.js');
  await main();
});
