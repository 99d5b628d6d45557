"""Text to model: the settings file and the inventories, checked at the door."""
