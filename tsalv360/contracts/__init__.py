"""What stages exchange: tables, JSON entries, the frame grid, folder names; and how settings are declared."""
