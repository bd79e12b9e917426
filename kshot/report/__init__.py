"""What people and scripts read: tables, JSON, live progress, pictures, figures."""
