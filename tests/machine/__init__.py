"""Two funds, an insurer and two clinics under random events: do money and states stay true? Over the pure functions, in memory."""
