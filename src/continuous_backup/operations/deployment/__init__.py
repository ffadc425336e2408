"""What deploy.py and undeploy.py do: the same way as tables are wired, observe, plan, apply."""
