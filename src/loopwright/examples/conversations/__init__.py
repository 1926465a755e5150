"""Real conversations of an airline agent, shipped so that the loop can be seen at work without data of one's own."""
